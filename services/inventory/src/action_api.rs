//! What is done about shortfalls as it is asked for and read: parse, call, render.

use retail_flow::page;
use retail_proto::inventory::v1 as pb;
use retail_proto::timestamp;

use crate::acting::{Action, Answer};
use crate::api::Api;
use crate::fault::Error;
use crate::parse;
use crate::render::quantity;

impl Api {
    pub(crate) async fn act(&self, request: &pb::ActOnShortfallRequest) -> Result<pb::ShortfallAction, Error> {
        let (sku, location) = parse::act(request, &self.home)?;
        Ok((&self.acting.act(&request.idempotency_key, &sku, &location).await?).into())
    }

    pub(crate) async fn shortfall_actions(
        &self,
        request: &pb::ListShortfallActionsRequest,
    ) -> Result<pb::ListShortfallActionsResponse, Error> {
        let (limit, after) = parse::page(request.page_size, &request.page_token)?;
        let (actions, entries) = self.acting.all(limit, after).await?;
        let actions = actions.iter().map(Into::into).collect();
        Ok(pb::ListShortfallActionsResponse { actions, next_page_token: page::next(&entries, limit) })
    }
}

impl From<&Action> for pb::ShortfallAction {
    fn from(action: &Action) -> Self {
        let steps = action.orders.iter().map(|order| {
            let state = match order.answer() {
                Answer::Open => pb::ShortfallStepState::Open,
                Answer::Asked => pb::ShortfallStepState::Asked,
                Answer::Moved => pb::ShortfallStepState::Moved,
                Answer::Stays => pb::ShortfallStepState::Stays,
            };
            pb::ShortfallStep {
                reservation_id: order.reservation_id.clone(),
                frees: quantity(order.frees),
                state: i32::from(state),
                reason: order.reason.clone(),
                detail: order.detail.clone(),
            }
        });
        Self {
            action_id: action.id.clone(),
            sku: action.sku.clone(),
            location: action.location.clone(),
            steps: steps.collect(),
            shortfall: quantity(action.shortfall),
            by_policy: action.by_policy,
            ended: action.has_ended(),
            begun_at: Some(timestamp(action.begun_at)),
        }
    }
}
