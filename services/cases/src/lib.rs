//! Cases. Owns: what a service agent is shown in one call, and what the agent's case is told. Refuses: any fact of its
//! own; everything shown is a projection of its owner's feed. In: gRPC, feeds, the CRM's cases. Out: milestones and links.
