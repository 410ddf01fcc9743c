//! setup: the questions that write `.env`.

use crate::exit::Ended;
use crate::options::Global;
use crate::wizard;

pub(crate) async fn run(global: &Global) -> Ended {
    wizard::run(global).await
}
