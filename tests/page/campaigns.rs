//! The page of `kwtsms campaign serve` in headless Chromium.

use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{Campaign, CampaignState, Client, Store};
use kwtsms_page_tests::{Window, open};
use serde_json::json;

#[path = "../../src/bin/kwtsms/commands/campaign/serve/site/mod.rs"]
mod site;

use super::login::picture;

/// A store with its page, and the gateway that its campaigns are sent to.
struct Watched {
    store: Store,
    client: Client,
    url: String,
    _folder: tempfile::TempDir,
}

impl Watched {
    async fn new(sandbox: &Sandbox) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("kwtsms.db")).await.unwrap();
        sandbox.account("shop").set_balance(1_000_000);
        let client = Client::builder("shop", "s3cret").transport(sandbox.transport()).unpaced();
        let client = client.sender_id("KWT-TEST").build().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serve = site::serve(listener, store.clone(), Some(client.clone()));
        tokio::spawn(serve);
        Self { store, client, url, _folder: folder }
    }

    async fn campaign(&self, key: &str, text: &str, count: u64) -> Campaign {
        let numbers = (0..count).map(|i| (96_550_000_000 + i).to_string());
        let draft = self.store.campaign(key).text(text).recipients(numbers).account("shop");
        draft.load().await.unwrap().approve().await.unwrap()
    }

    async fn work(&self) {
        self.client.work(&self.store).until_done().start().await.unwrap().finished().await.unwrap();
    }

    /// A campaign of which the first request was not answered, and what is left was sent.
    async fn with_unknown(&self, sandbox: &Sandbox, key: &str, count: u64) -> Campaign {
        let campaign = self.campaign(key, "Hello", count).await;
        sandbox.faults().push(Fault::drop_before_reading().on("send"));
        self.work().await;
        campaign
    }
}

/// Opens the page in a window on a sandbox.
async fn opened<F: Future<Output = ()> + Send + 'static>(
    sandbox: Sandbox,
    test: impl FnOnce(Window, Watched) -> F + Send + 'static,
) {
    open(sandbox, async move |window: Window| {
        let watched = Watched::new(&window.sandbox).await;
        window.client.goto(&watched.url).await.unwrap();
        test(window, watched).await;
    })
    .await;
}

fn quick() -> impl Future<Output = Result<Sandbox, std::io::Error>> {
    Sandbox::builder().drain_per_second(1_000_000).start()
}

#[tokio::test]
async fn a_campaign_is_watched_paused_with_a_reason_and_resumed() {
    opened(quick().await.unwrap(), async |window, watched| {
        window.until("!document.getElementById('start').hidden").await;
        let campaign = watched.campaign("eid-2027", "Eid Mubarak", 500).await;
        window.until("document.getElementById('waits').textContent.startsWith('Nobody sends it')").await;
        assert_eq!(window.text("#title").await, "eid-2027");
        assert_eq!(window.text("#text").await, "Eid Mubarak");
        assert_eq!(window.text("#plot-text").await, "Nothing was sent yet.");
        window.eval("window.same = true").await;

        window.click("#pause").await;
        assert_eq!(window.focused().await, "reason");
        window.keys("\u{E00C}").await; // Escape
        assert_eq!(campaign.progress().await.unwrap().state, CampaignState::Running);
        window.click("#pause").await;
        window.keys("the text has a mistake\u{E007}").await;
        window.until("document.getElementById('waits').textContent === 'Paused: the text has a mistake'").await;
        assert_eq!(campaign.progress().await.unwrap().state, CampaignState::Paused);
        assert_eq!(window.eval("document.getElementById('pause').checkVisibility()").await, false);

        window.click("#resume").await;
        window.until("document.getElementById('waits').textContent.startsWith('Nobody sends it')").await;
        assert_eq!(window.text("#state").await, "waits");
        watched.work().await;
        window.until("document.getElementById('state').textContent === 'done'").await;
        window.until("document.getElementById('plot-text').textContent.includes('of 500 numbers, 500 accepted, 0 refused, 0 unknown')").await;
        let accepted = "document.querySelector('#counts [data-of=accepted] dd').textContent";
        assert_eq!(window.eval(accepted).await, "500");
        let drawn = "['.area.accepted', '.pace', '.total'].filter((part) => document.querySelector(`#plot ${part}`)).length";
        assert_eq!(window.eval(drawn).await, 3);
        window.click("#table-box summary").await;
        window.until("document.querySelector('#table tr:last-child')?.textContent.endsWith('50000')").await;
        assert_eq!(window.eval("window.same").await, true);
    })
    .await;
}

#[tokio::test]
async fn what_is_unknown_is_resolved_after_a_look_at_its_evidence_and_a_confirmation() {
    opened(quick().await.unwrap(), async |window, watched| {
        let campaign = watched.with_unknown(&window.sandbox, "eid-2027", 400).await;
        window.until("!document.getElementById('unknown').hidden").await;
        let sends = window.sandbox.messages().len();
        let batch = campaign.unknown().await.unwrap()[0].batch;
        let command = window.text("#batches pre").await;
        assert!(
            command.starts_with(&format!("kwtsms campaign resolve eid-2027 {batch} --sent\n")),
            "{command}"
        );
        window.click("#ask").await;
        window.until("document.querySelector('#batches .evidence .state')").await;

        window.click("#batches [data-say=not_sent]").await;
        let means = window.text("#resolving-means").await;
        assert!(means.contains("gets it twice"), "{means}");
        assert_eq!(window.eval("document.getElementById('resolve').disabled").await, true);
        window.click("[data-close]:not(#pausing *)").await;
        assert_eq!(campaign.progress().await.unwrap().unknown, 200);

        window.click("#batches [data-say=not_sent]").await;
        window.click("#looked").await;
        window.click("#resolve").await;
        window.until("document.getElementById('unknown').hidden").await;
        assert_eq!(campaign.progress().await.unwrap().planned, 200);
        assert_eq!(window.sandbox.messages().len(), sends, "a worker sends it, the page does not");
        watched.work().await;
        window.until("document.getElementById('state').textContent === 'done'").await;
        assert_eq!(campaign.progress().await.unwrap().accepted, 400);
    })
    .await;
}

#[tokio::test]
async fn the_history_is_there_after_a_restart_and_the_page_says_when_nobody_serves_it() {
    let sandbox = quick().await.unwrap();
    opened(sandbox, async |window, watched| {
        watched.campaign("before", "Hello", 400).await;
        watched.work().await;
        // Another server over the same store, as after a restart.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(site::serve(listener, watched.store.clone(), None));
        window.client.goto(&url).await.unwrap();
        window.until("document.getElementById('plot-text').textContent.includes('400 accepted')").await;
        let edge = window.eval("document.querySelector('#plot .edge.accepted').getAttribute('d')").await;
        assert!(edge.as_str().unwrap().matches('L').count() >= 3, "{edge}");
        assert_eq!(window.eval("document.getElementById('ask').disabled").await, true);
        server.abort();
        window.until("document.getElementById('connection').dataset.state === 'lost'").await;
    })
    .await;
}

#[tokio::test]
async fn a_history_that_takes_long_is_asked_for_a_tenth_of_the_time() {
    opened(quick().await.unwrap(), async |window, watched| {
        watched.campaign("small", "Hello", 1).await;
        watched.campaign("large", "Hello", 24_000).await;
        window.eval("location.hash = 'large'").await; // the page may have seen the other one before it was there
        window.until("document.getElementById('title').textContent === 'large'").await;
        // From now on each look at a history takes a second, and each look at the list is counted.
        let slow = "(() => {
            const real = window.fetch;
            window.fetch = async (path, options) => {
                asked.push(path);
                if (path.endsWith('/history')) await new Promise((go) => setTimeout(go, 1000));
                return real(path, options);
            };
            const asked = [];
            window.times = (path) => asked.filter((one) => one === path).length;
            return true;
        })()";
        window.eval(slow).await;
        let client = Client::builder("shop", "s3cret").transport(window.sandbox.transport());
        let client = client.sender_id("KWT-TEST").rates(2.0, 3.0).build().unwrap();
        let worker = client.work(&watched.store).start().await.unwrap();
        window.until("times('/api/campaigns') >= 10").await;
        let times = window.eval("times('/api/campaigns/large/history')").await.as_u64().unwrap();
        assert!(
            (1..=3).contains(&times),
            "asked for {times} times in ten looks, each of which found it changed"
        );
        // Another campaign is not kept waiting, and one that does not change is asked for once.
        window.eval("location.hash = 'small'").await;
        let looks = window.eval("times('/api/campaigns')").await.as_u64().unwrap();
        window.until("document.getElementById('plot-text').textContent.includes('of 1 number, ')").await;
        let after = window.eval("times('/api/campaigns')").await.as_u64().unwrap();
        assert!(after <= looks + 5, "{looks} {after}");
        window.until(&format!("times('/api/campaigns') >= {}", after + 6)).await;
        assert_eq!(window.eval("times('/api/campaigns/small/history')").await, 1);
        worker.stop();
        worker.finished().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn keys_and_reasons_stay_words_and_several_campaigns_are_listed() {
    opened(quick().await.unwrap(), async |window, watched| {
        let hostile = "<img src=x onerror=\"window.owned = true\">/../#&?";
        watched.campaign(hostile, "Hello &lt;b&gt;", 3).await.pause_because(hostile).await.unwrap();
        watched.campaign("عيد ٢٠٢٧", "عيد مبارك من متجر السالمية", 3).await;
        window.until("document.querySelectorAll('#campaigns a').length === 2").await;
        window.click("#campaigns li:first-child a").await;
        window.until("document.getElementById('title').textContent === 'عيد ٢٠٢٧'").await;
        assert_eq!(window.eval("getComputedStyle(document.getElementById('text')).direction").await, "rtl");
        window.click("#campaigns li:last-child a").await;
        window.until(&format!("document.getElementById('title').textContent === {}", json!(hostile))).await;
        assert_eq!(window.text("#waits").await, format!("Paused: {hostile}"));
        assert_eq!(window.text("#text").await, "Hello &lt;b&gt;");
        window.click("#resume").await;
        window.until("document.getElementById('waits').textContent.startsWith('Nobody sends it')").await;
        assert_eq!(window.eval("window.owned === undefined && document.scripts.length === 1").await, true);
        // What is looked at has an address.
        window.client.refresh().await.unwrap();
        window.until(&format!("document.getElementById('title').textContent === {}", json!(hostile))).await;
        let gone = format!("{}#nothing", watched.url);
        window.client.goto(&gone).await.unwrap();
        window.until("!document.getElementById('gone').hidden").await;
    })
    .await;
}

/// A campaign of each kind, for people and for axe to look at.
async fn some(window: &Window, watched: &Watched) {
    window.sandbox.faults().push(Fault::code("ERR025").on("send"));
    let campaign = watched.with_unknown(&window.sandbox, "eid-2027", 2_400).await;
    campaign.gather_evidence(&watched.client).await.unwrap();
    // What waits for its time would keep a worker waiting, too.
    let arabic = watched.campaign("عيد ٢٠٢٧", "عيد مبارك من متجر السالمية، خصم 20% حتى 10 مارس", 300).await;
    arabic.pause_because("في انتظار موافقة المدير").await.unwrap();
    let kuwait =
        watched.store.campaign("national-day").text("Happy National Day").recipients(["96550000001"]);
    let until = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let kuwait = kuwait.account("shop").window("09:00-21:00", "Asia/Kuwait").not_before(until);
    kuwait.load().await.unwrap().approve().await.unwrap();
}

#[tokio::test]
async fn it_fits_a_telephone_and_no_view_has_a_serious_violation() {
    opened(quick().await.unwrap(), async |window, watched| {
        some(&window, &watched).await;
        for scheme in ["light", "dark"] {
            window.scheme(scheme).await;
            for (width, height) in [(1280, 1500), (390, 1900), (320, 700)] {
                window.size(width, height).await;
                for key in ["eid-2027", "عيد ٢٠٢٧", "national-day"] {
                    window.eval(&format!("location.hash = encodeURIComponent({})", json!(key))).await;
                    window
                        .until(&format!("document.getElementById('title').textContent === {}", json!(key)))
                        .await;
                    window.until("document.body.dataset.view === 'campaign'").await;
                    if key == "eid-2027" {
                        window.until("document.querySelector('#batches li') && document.querySelector('#plot .area')").await;
                    }
                    let wide = window.eval("document.documentElement.scrollWidth").await;
                    assert!(wide.as_u64().unwrap() <= u64::from(width), "{key}: {wide} of {width}");
                    let name = if key.is_ascii() { key } else { "arabic" };
                    picture(&window, &format!("campaign-{name}-{scheme}-{width}")).await;
                    if (scheme == "light") == (width == 1280) {
                        super::axe::check(&window, &format!("{key}, {scheme}, {width}")).await;
                    }
                }
            }
            window.eval("document.getElementById('back').click()").await;
            window.until("document.body.dataset.view === 'list'").await;
            picture(&window, &format!("campaign-list-{scheme}")).await;
            super::axe::check(&window, &format!("the list, {scheme}")).await;
        }
        window.size(1280, 900).await;
        window.click("#campaigns li:last-child a").await;
        window.until("document.querySelector('#batches [data-say=not_sent]')?.checkVisibility()").await;
        window.click("#batches [data-say=not_sent]").await;
        picture(&window, "campaign-question").await;
        super::axe::check(&window, "the question").await;
    })
    .await;
}
