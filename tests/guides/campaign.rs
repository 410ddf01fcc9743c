use kwtsms_async::{CampaignRow, Client, Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let store = Store::open("campaigns.db").await?;

    // Loading it a second time, after a crash, finds it as it is.
    let list = std::fs::read_to_string("numbers.txt")?;
    let rows: Vec<_> = list.lines().map(CampaignRow::from).collect();
    let draft = store.campaign("eid-2027").text("Eid Mubarak").recipients(rows).load().await?;
    println!("{}", draft.estimate());
    let campaign = draft.approve().await?;

    client.work(&store).until_done().start().await?.finished().await?;

    let progress = campaign.progress().await?;
    println!("{} accepted, {} unknown, of {}", progress.accepted, progress.unknown, progress.total());
    Ok(())
}
