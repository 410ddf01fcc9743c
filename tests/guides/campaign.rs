use kwtsms_async::{CampaignRow, ClientBuilder, Limiter, Rates, Store, config};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open("campaigns.db").await?;
    // One pace for all that send from this address: copies of this program, and the command.
    let limiter = Limiter::shared(&store, config::DEFAULT_SCOPE, Rates::default()).await?;
    let client = ClientBuilder::from_env()?.limiter(limiter).build()?;

    // Loading it a second time, after a crash, finds it as it is.
    let list = std::fs::read_to_string("guests.csv")?;
    let rows = list.lines().skip(1).filter_map(|line| line.split_once(','));
    let rows: Vec<_> = rows.map(|(phone, name)| CampaignRow::new(phone).value("name", name)).collect();
    let draft = store.campaign("eid-2028").text("Eid Mubarak, {{ name }}").recipients(rows).load().await?;
    println!("{}", draft.estimate());
    let campaign = draft.approve().await?;

    client.work(&store).until_done().start().await?.finished().await?;

    let progress = campaign.progress().await?;
    println!(
        "{} accepted, {} refused, {} unknown, {} not sent yet, of {}",
        progress.accepted,
        progress.refused,
        progress.unknown,
        progress.planned,
        progress.total()
    );
    match progress.waits_for {
        Some(why) => Err(format!("the rest waits: {why:?}").into()), // an empty account, a refused text
        None if progress.refused > 0 => Err("`kwtsms campaign export` says why some were refused".into()),
        None => Ok(()),
    }
}
