use kwtsms_async::{Client, Delivery};

/// What the application does: tells a customer, or says what went wrong.
pub async fn tell(client: &Client, number: &str, order: u32) -> Result<(), &'static str> {
    match client.send(number, format!("Your order {order} is ready")).await {
        Ok(_) => Ok(()),
        Err(error) => match error.delivery() {
            Delivery::Unknown => Err("it may have arrived: look before it is sent again"),
            _ => Err("not sent"),
        },
    }
}

#[cfg(test)]
mod tests {
    use kwtsms_async::Client;
    use kwtsms_async::sandbox::{Fault, Sandbox};

    use super::tell;

    fn gateway() -> (Sandbox, Client) {
        let sandbox = Sandbox::in_process();
        let client = Client::builder("user", "pass").transport(sandbox.transport()).build().unwrap();
        (sandbox, client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_customer_is_told() {
        let (sandbox, client) = gateway();
        assert_eq!(tell(&client, "+965 9876 5432", 7).await, Ok(()));
        assert_eq!(sandbox.wait_for("+965 9876 5432").await.text(), "Your order 7 is ready");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_not_taken_for_a_refusal() {
        let (sandbox, client) = gateway();
        sandbox.faults().push(Fault::drop_after_accepting()); // it was sent, and the answer never came
        let told = tell(&client, "+965 9876 5432", 7).await;
        assert_eq!(told, Err("it may have arrived: look before it is sent again"));
        assert_eq!(sandbox.messages().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_account_sends_nothing() {
        let (sandbox, client) = gateway();
        sandbox.account("user").set_balance(0);
        assert_eq!(tell(&client, "+965 9876 5432", 7).await, Err("not sent"));
        assert!(sandbox.messages().is_empty());
    }
}
