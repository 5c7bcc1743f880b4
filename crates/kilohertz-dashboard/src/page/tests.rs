//! What a page is told and may ask, over a connection in memory.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use kilohertz_core::lease::Lease;
use kilohertz_core::session::Seen;
use kilohertz_core::session::roll::{Kind, Place};
use kilohertz_core::timing::time::Time;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::page::arm::wall_time_s;
use crate::page::connection;
use crate::page::controls::BRAKE_AFTER;
use crate::page::hub::Hub;
use crate::page::metered::MOST;
use crate::page::protocol::{
    ArmInfo, BadCycleInfo, ChunkInfo, EventInfo, LevelInfo, ReportInfo, StatsInfo,
};
use crate::page::stops::Stops;
use crate::page::watched::{Frame, Watched};

/// How long something may take that happens at once on a machine that has time.
const LIMIT: Duration = Duration::from_secs(20);

/// A session that does what a test says.
#[derive(Default)]
struct Scripted {
    name: String,
    events: Mutex<Vec<EventInfo>>,
    frames: AtomicUsize,
    is_stopped: AtomicBool,
    is_controlled: bool,
}

impl Scripted {
    fn named(name: impl Into<String>) -> Arc<Scripted> {
        Arc::new(Scripted {
            name: name.into(),
            ..Scripted::default()
        })
    }

    fn happens(&self, text: &str) {
        self.events.lock().unwrap().push(event(text));
    }
}

fn event(text: &str) -> EventInfo {
    EventInfo {
        level: LevelInfo::Warning,
        name: "held".to_owned(),
        text: text.to_owned(),
        tick: None,
        wall_time_s: wall_time_s(),
    }
}

/// A report with so many bad cycles, whose texts have so many letters.
fn report(is_over: bool, cycles: usize, letters: usize) -> ReportInfo {
    let text = "x".repeat(letters);
    let cycle = BadCycleInfo {
        is_late_answer: true,
        tick: 7.0,
        time_s: 0.07,
        cycles: 3.0,
        lasted_s: 0.03,
        excess_s: 0.02,
        phase: text.clone(),
        cause: text.clone(),
        cause_text: text.clone(),
        evidence: text.clone(),
        advice: text.clone(),
        check: Some(text),
    };
    ReportInfo {
        session: 0,
        is_over,
        iterations: 100.0,
        missed_ticks: 2.0,
        late_actions: 3.0,
        bad_cycles: cycles as f64,
        unexplained: 0.0,
        phases: Vec::new(),
        worst: vec![cycle; cycles],
    }
}

impl Watched for Scripted {
    fn info(&self) -> ArmInfo {
        ArmInfo {
            id: 0,
            name: self.name.clone(),
            model: None,
            control: String::new(),
            rate_hz: 100.0,
            policy_rate_hz: 100.0,
            is_running: true,
            has_controls: false,
            is_controlled: self.is_controlled,
            session: 0,
            fields: Vec::new(),
            limits: None,
            workspace: None,
        }
    }

    fn frame(&self, _seen: &mut Seen, frame: &mut Frame) -> bool {
        frame.cycles = self.frames.fetch_add(1, Ordering::SeqCst) as u64;
        true
    }

    fn chunk(&self, _seen: &mut Seen) -> Option<ChunkInfo> {
        None
    }

    fn take_event(&self) -> Option<EventInfo> {
        self.events.lock().unwrap().pop()
    }

    fn stats(&self) -> StatsInfo {
        StatsInfo::default()
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }

    fn end(&self) -> Option<Option<EventInfo>> {
        self.is_stopped.load(Ordering::SeqCst).then_some(None)
    }
}

fn hub() -> Rc<Hub> {
    Rc::new(Hub::new(Vec::new(), Arc::new(Lease::new(BRAKE_AFTER))))
}

/// A page, at its end of the connection.
struct Page(WebSocketStream<DuplexStream>);

impl Page {
    /// Opens a page. The connection has room for so many bytes that it has not read.
    async fn open(hub: &Rc<Hub>, room: usize) -> Page {
        let (near, far) = tokio::io::duplex(room);
        spawn_local(connection::serve(Rc::clone(hub), far, true));
        Page(WebSocketStream::from_raw_socket(near, Role::Client, None).await)
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Returns the next text.
    async fn text(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                _ => continue,
            }
        }
    }

    /// Returns the texts up to the first of this type.
    async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut texts = Vec::new();
        loop {
            let text = self.text().await;
            let is_it = text["type"] == kind;
            texts.push(text);
            if is_it {
                return texts;
            }
        }
    }
}

/// Runs a test on a thread of its own. A server that never waits makes it fail, and not hang.
fn on_the_thread<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let (done, over) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let test = async { timeout(LIMIT, test()).await.expect("it takes too long") };
        LocalSet::new().block_on(&runtime, test);
        drop(done);
    });
    let waited = over.recv_timeout(2 * LIMIT);
    assert_eq!(
        waited,
        Err(mpsc::RecvTimeoutError::Disconnected),
        "the thread of the server never waits"
    );
    thread.join().unwrap();
}

#[test]
fn a_page_that_opens_is_told_everything_after_300_sessions_and_can_stop_the_one_that_runs() {
    on_the_thread(|| async {
        let hub = hub();
        for run in 0..300 {
            let session = Scripted::named(format!("run {run}"));
            for event in 0..3 {
                session.happens(&format!("{event}"));
            }
            session.stop();
            hub.add(session);
            hub.look();
        }
        let live = Scripted::named("live");
        hub.add(Arc::clone(&live) as Arc<dyn Watched>);
        let mut page = Page::open(&hub, 1 << 16).await;
        let told = page.until("holder").await;
        let count = |kind| told.iter().filter(|text| text["type"] == kind).count();
        assert_eq!(told[0]["type"], "hello");
        assert_eq!(count("hello"), 1);
        let arms = told[0]["arms"].as_array().unwrap();
        assert_eq!(arms.last().unwrap()["name"], "live");
        assert_eq!(arms.len(), 33);
        assert_eq!(told[0]["forgotten"], 268);
        assert_eq!(count("event"), 3 * 32);
        page.say(r#"{"type":"stop","arm":null}"#).await;
        while !live.is_stopped.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_page_that_reads_slowly_is_told_everything_anew_and_others_have_their_turn() {
    on_the_thread(|| async {
        let hub = hub();
        let (slow, quick) = (Page::open(&hub, 512).await, Page::open(&hub, 1 << 16).await);
        let (mut slow, mut quick) = (slow, quick);
        for run in 0..40 {
            hub.add(Scripted::named(format!("run {run}")));
        }
        // One text after the other, all but the first before the slow page reads any.
        for run in 0..2000 {
            hub.add(Scripted::named(format!("run {}", run % 40)));
            if run % 16 == 0 {
                tokio::task::yield_now().await;
            }
        }
        hub.note("run 0", event("the last"));
        let is_last = |text: &Value| text["event"]["text"] == "the last";
        while !is_last(&quick.text().await) {}
        let mut hellos = 0;
        loop {
            let text = slow.text().await;
            hellos += usize::from(text["type"] == "hello");
            if is_last(&text) {
                break;
            }
        }
        assert!(hellos >= 2, "{hellos}");
    });
}

#[test]
fn a_page_that_answers_no_ping_is_not_shown_the_past_and_is_left() {
    on_the_thread(|| async {
        let hub = hub();
        hub.add(Scripted::named("arm"));
        let (mut near, far) = tokio::io::duplex(1 << 20);
        let served = spawn_local(connection::serve(Rc::clone(&hub), far, false));
        // It reads all that comes, and says nothing.
        let (mut bytes, mut early) = (0, 0);
        let since = Instant::now();
        let mut buffer = vec![0; 1 << 16];
        while !served.is_finished() {
            hub.look();
            let read = timeout(Duration::from_millis(5), near.read(&mut buffer)).await;
            bytes += read.map_or(0, |read| read.unwrap());
            if since.elapsed() < Duration::from_secs(1) {
                early = bytes;
            }
        }
        assert!(early > 0 && bytes - early < 1000, "{early} {bytes}");
        assert!(!hub.has_clients());
    });
}

#[test]
fn on_a_slow_link_each_picture_is_young_when_it_comes() {
    on_the_thread(|| async {
        let hub = hub();
        let session = Scripted::named("arm");
        hub.add(Arc::clone(&session) as Arc<dyn Watched>);
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (mut link, end) = tokio::io::duplex(1 << 20);
        spawn_local(connection::serve(Rc::clone(&hub), end, false));
        // What is between takes 4 kB in a second, and holds the rest back as a network does.
        spawn_local(async move {
            let (mut down, mut up) = ([0; 80], [0; 4096]);
            loop {
                if let Ok(Ok(read)) = timeout(Duration::from_millis(1), far.read(&mut up)).await {
                    link.write_all(&up[..read]).await.unwrap();
                }
                if let Ok(Ok(read)) = timeout(Duration::from_millis(1), link.read(&mut down)).await
                {
                    far.write_all(&down[..read]).await.unwrap();
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        let looking = Rc::clone(&hub);
        spawn_local(async move {
            loop {
                session.happens("something");
                looking.look();
                sleep(Duration::from_millis(16)).await;
            }
        });
        let mut page = Page(WebSocketStream::from_raw_socket(near, Role::Client, None).await);
        let begin = Instant::now();
        let (mut late, mut shown, mut events) = (Vec::new(), 0, 0);
        while begin.elapsed() < Duration::from_secs(8) {
            match page.0.next().await.unwrap().unwrap() {
                Message::Binary(frame) if begin.elapsed() > Duration::from_secs(4) => {
                    let sent_s = f64::from_le_bytes(frame[16..24].try_into().unwrap());
                    shown += 1;
                    late.push(wall_time_s() - sent_s);
                }
                Message::Text(text) => events += usize::from(text.contains("something")),
                _ => {}
            }
        }
        late.sort_by(f64::total_cmp);
        assert!(shown > 3 && events > 3, "{shown} {events}");
        assert!(late[late.len() / 2] < 1.0, "{late:?}");
    });
}

#[test]
fn of_what_a_page_has_not_taken_the_newest_is_sent() {
    on_the_thread(|| async {
        let hub = hub();
        hub.add(Scripted::named("arm"));
        let mut page = Page::open(&hub, 256).await;
        for _ in 0..500 {
            hub.look();
            tokio::task::yield_now().await;
        }
        let mut shown = Vec::new();
        while shown.last() != Some(&499.0) {
            if let Message::Binary(frame) = page.0.next().await.unwrap().unwrap() {
                shown.push(f64::from_le_bytes(frame[24..32].try_into().unwrap()));
            }
        }
        assert!(shown.len() < 20, "{}", shown.len());
    });
}

#[test]
fn of_many_events_those_are_left_out_that_a_slow_page_does_not_take_and_it_is_told_how_many() {
    on_the_thread(|| async {
        let hub = hub();
        let session = Scripted::named("arm");
        hub.add(Arc::clone(&session) as Arc<dyn Watched>);
        let mut page = Page::open(&hub, 256).await;
        page.until("holder").await;
        let error = EventInfo {
            level: LevelInfo::Error,
            ..event("the cause")
        };
        hub.note("arm", error);
        for number in 0..500 {
            hub.note("arm", event(&format!("{number}")));
        }
        let (mut told, mut left_out) = (Vec::new(), 0);
        while told.last().is_none_or(|text| text != "499") {
            let text = page.text().await;
            left_out += text["events"].as_u64().unwrap_or(0);
            told.extend(text["event"]["text"].as_str().map(str::to_owned));
        }
        assert_eq!(told[0], "the cause");
        assert_eq!(told.len() as u64 + left_out, 501);
        assert!(told.len() < 100, "{}", told.len());
    });
}

#[test]
fn a_page_that_says_too_much_is_left_though_it_says_nothing() {
    on_the_thread(|| async {
        let hub = hub();
        let (mut near, far) = tokio::io::duplex(1 << 16);
        let served = spawn_local(connection::serve(Rc::clone(&hub), far, false));
        // The begin of a text, and then parts of it that are empty.
        near.write_all(&[0x01, 0x80, 0, 0, 0, 0]).await.unwrap();
        let part = [0x00, 0x80, 0, 0, 0, 0];
        for _ in 0..2 * MOST / part.len() {
            if near.write_all(&part).await.is_err() {
                break;
            }
        }
        timeout(LIMIT / 2, served).await.expect("it ends").unwrap();
    });
}

#[test]
fn a_stop_ends_every_session_that_runs_two_of_one_name_too_and_its_end_is_told() {
    on_the_thread(|| async {
        let hub = hub();
        let both = [Scripted::named("robot"), Scripted::named("robot")];
        for session in &both {
            hub.add(Arc::clone(session) as Arc<dyn Watched>);
        }
        let mut page = Page::open(&hub, 1 << 16).await;
        let told = page.until("hello").await;
        let names: Vec<_> = told[0]["arms"].as_array().unwrap().iter().collect();
        assert_eq!(names[0]["name"], "robot");
        assert_eq!(names[1]["name"], "robot (2)");
        page.say(r#"{"type":"stop","arm":null,"number":7}"#).await;
        let stopping = page.until("stopping").await;
        let stopping = stopping.last().unwrap();
        assert_eq!(
            (&stopping["number"], &stopping["asked"]),
            (&7.into(), &2.into())
        );
        assert!(
            both.iter()
                .all(|each| each.is_stopped.load(Ordering::SeqCst))
        );
        hub.look();
        assert_eq!(page.until("stopped").await.last().unwrap()["number"], 7);
    });
}

#[test]
fn a_stop_reaches_what_is_about_to_begin_and_whatever_another_page_moves() {
    on_the_thread(|| async {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let stops = Arc::new(Stops::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        let other = Arc::new(Lease::new(BRAKE_AFTER));
        other.give(1, Time::now());
        stops.add_lease(&other);
        let place = Arc::new(Place::take(Kind::default()).unwrap());
        let (first, second) = (hub(), hub());
        for hub in [&first, &second] {
            hub.stands("arm".to_owned(), Arc::downgrade(&stops));
        }
        let mut page = Page::open(&second, 1 << 16).await;
        // Nothing is about to begin, and the page is told so.
        page.say(r#"{"type":"stop","arm":null,"number":1}"#).await;
        assert_eq!(page.until("stopping").await.last().unwrap()["asked"], 0);
        assert_eq!(woken.load(Ordering::SeqCst), 0);
        other.give(2, Time::now());
        stops.add(&place);
        page.say(r#"{"type":"stop","arm":null,"number":2}"#).await;
        assert_eq!(page.until("stopping").await.last().unwrap()["asked"], 1);
        assert!(place.stop().load(Ordering::SeqCst));
        assert!(!other.is_given(2));
        assert_eq!(woken.load(Ordering::SeqCst), 1);
        // It is told once it is over, and not before.
        second.look();
        page.say(r#"{"type":"stop","arm":9,"number":3}"#).await;
        let told = page.until("refused").await;
        assert!(told.iter().all(|text| text["number"] != 2), "{told:?}");
        place.leave();
        second.look();
        assert_eq!(page.until("stopped").await.last().unwrap()["number"], 2);
    });
}

#[test]
fn a_report_of_a_session_is_told_and_a_page_that_opens_later_has_the_newest() {
    on_the_thread(|| async {
        let hub = hub();
        let session = Scripted::named("arm");
        hub.add(Arc::clone(&session) as Arc<dyn Watched>);
        let mut page = Page::open(&hub, 1 << 16).await;
        page.until("holder").await;
        hub.report("arm", report(false, 1, 1));
        let told = page.until("report").await.pop().unwrap();
        assert_eq!(
            (&told["arm"], &told["report"]["session"]),
            (&0.into(), &1.into())
        );
        assert_eq!(told["report"]["isOver"], false);
        assert_eq!(told["report"]["worst"].as_array().unwrap().len(), 1);
        session.stop();
        hub.look();
        hub.report("arm", report(true, 2, 1));
        hub.report("no such arm", report(true, 3, 1));
        let told = page.until("report").await.pop().unwrap();
        assert_eq!(told["report"]["isOver"], true);
        let mut later = Page::open(&hub, 1 << 16).await;
        let greeting = later.until("holder").await;
        let reports: Vec<_> = greeting
            .iter()
            .filter(|text| text["type"] == "report")
            .collect();
        assert_eq!(reports, [&told]);
    });
}

#[test]
fn a_report_at_the_end_is_told_although_one_from_before_still_waits_and_never_after_it() {
    on_the_thread(|| async {
        let hub = hub();
        hub.add(Scripted::named("arm"));
        let mut page = Page::open(&hub, 1 << 16).await;
        page.until("holder").await;
        // The page has no turn in between.
        hub.report("arm", report(false, 1, 1));
        hub.report("arm", report(false, 2, 1));
        hub.report("arm", report(true, 3, 1));
        hub.note("arm", event("the last"));
        let told = page.until("event").await;
        let told: Vec<_> = told
            .iter()
            .filter(|text| text["type"] == "report")
            .collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["report"]["badCycles"], 3.0);
    });
}

#[test]
fn a_report_goes_with_the_next_session_and_stays_while_the_controls_move_the_arm() {
    on_the_thread(|| async {
        let hub = hub();
        let session = |is_controlled| {
            Arc::new(Scripted {
                name: "arm".to_owned(),
                is_stopped: true.into(),
                is_controlled,
                ..Scripted::default()
            })
        };
        let sessions_told = async || {
            let mut page = Page::open(&hub, 1 << 16).await;
            let greeting = page.until("holder").await;
            let reports = greeting.iter().filter(|text| text["type"] == "report");
            reports
                .map(|told| told["report"]["session"].as_u64().unwrap())
                .collect::<Vec<_>>()
        };
        hub.add(session(false));
        hub.look();
        hub.report("arm", report(true, 1, 1));
        hub.add(session(true));
        hub.look();
        assert_eq!(sessions_told().await, [1]);
        hub.add(session(false));
        hub.look();
        assert_eq!(sessions_told().await, [0_u64; 0]);
        hub.report("arm", report(true, 1, 1));
        assert_eq!(sessions_told().await, [3]);
    });
}

#[test]
fn a_report_that_is_too_large_is_cut() {
    on_the_thread(|| async {
        let hub = hub();
        hub.add(Scripted::named("arm"));
        hub.report("arm", report(true, 1000, 100_000));
        let mut page = Page::open(&hub, 1 << 22).await;
        let greeting = page.until("holder").await;
        let told = greeting.iter().find(|text| text["type"] == "report");
        let worst = told.unwrap()["report"]["worst"].as_array().unwrap();
        assert_eq!(worst.len(), 32);
        for text in ["phase", "cause", "causeText", "evidence", "advice", "check"] {
            let length = worst[0][text].as_str().unwrap().len();
            assert!(length < 4100, "{text}: {length}");
        }
    });
}
