//! Customer c-1, once also c-0, and known to the till as member 7. Nobody is ever created.

use retail_proto::customers::v1 as pb;
use retail_proto::customers::v1::customers_service_server::CustomersService;
use retail_runtime::fault::Class;
use tonic::{Request, Response, Status};

use crate::books::refusal;

#[derive(Clone, Default)]
pub(crate) struct People;

fn customer() -> pb::Customer {
    pb::Customer { customer_id: "c-1".into(), merged_ids: vec!["c-0".into()], version: 2, ..Default::default() }
}

#[tonic::async_trait]
impl CustomersService for People {
    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Result<Response<pb::GetCustomerResponse>, Status> {
        match request.get_ref().customer_id.as_str() {
            // The merged one answers the survivor.
            "c-1" | "c-0" => Ok(Response::new(pb::GetCustomerResponse { customer: Some(customer()) })),
            _ => Err(refusal(Class::NotFound, "NO_SUCH_CUSTOMER")),
        }
    }

    async fn find_customers(
        &self,
        request: Request<pb::FindCustomersRequest>,
    ) -> Result<Response<pb::FindCustomersResponse>, Status> {
        let known = request.get_ref().system_id.as_ref().is_some_and(|record| record.id == "7");
        Ok(Response::new(pb::FindCustomersResponse { customers: known.then(customer).into_iter().collect() }))
    }
}
