//! Returns. Owns: which step a return is in and what must happen next, from the customer's wish to closed books.
//! Refuses: keeping stock, orders, customers or money; their owners do, and are asked. In: gRPC, the ERP's facts, the
//! shop's refunds. Out: calls to orders, inventory, ERP and shop, events in the feed, lists.
