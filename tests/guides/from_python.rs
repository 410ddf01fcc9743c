use kwtsms_async::{Client, Delivery};

#[tokio::main]
async fn main() -> Result<(), kwtsms_async::Error> {
    let sms = Client::from_env()?; // the same variables, the same .env

    match sms.send("965 9876 5432, +96551234567", "Your order is ready").await {
        Ok(report) => {
            for id in report.message_ids() {
                println!("{id}: {} accepted, {} credits", report.accepted(), report.points_charged());
            }
            for invalid in report.invalid() {
                println!("input {}: {}", invalid.position() + 1, invalid.reason());
            }
        }
        // What the Python client cannot tell: whether it may be sent again.
        Err(error) if error.delivery() == Delivery::Unknown => println!("it may have been sent: {error:#}"),
        Err(error) => println!("not sent: {error:#}; {}", error.action()),
    }
    Ok(())
}
