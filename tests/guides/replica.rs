use kwtsms_async::{ClientBuilder, Limiter, Rates, Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let replica: u32 = std::env::var("REPLICA")?.parse()?;

    // The same store for all of them, and one name for the address that the gateway sees.
    let store = Store::open(std::env::var("KWTSMS_STORE")?).await?;
    let limiter = Limiter::shared(&store, "our-address", Rates::default()).await?;
    let client = ClientBuilder::from_env()?.limiter(limiter).build()?;

    for order in 1..=2 {
        let number = format!("9655100{replica:02}{order:02}");
        let report = client.send(number, format!("Order {order} of replica {replica} is ready")).await?;
        println!("replica {replica}: order {order}, message {}", report.message_ids()[0]);
    }
    Ok(())
}
