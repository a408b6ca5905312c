//! What became of a backup that was restored.

use std::time::Duration;

use axum::http::Request as HttpRequest;
use bytes::Bytes;
use confman::base::LogId;

use super::{Course, Stopped};
use crate::clients::{Record, Reply, Scan, call, scan};
use crate::cluster::{ADMIN_KEY, Cluster};
use crate::host::net::FIRST_CLIENT;
use crate::laws::{restored, served};
use crate::runtime::{elapsed, sleep, within};
use crate::world::{RESTORED, Stop};

impl Course {
    /// Looks at the cluster that was made of a backup, beside what the old one shows in the end.
    pub(super) async fn judge_restored(&self, onto: &Cluster, revision: LogId, old: &Scan) -> Result<(), Stopped> {
        let namespaces: Vec<String> = old.audit.keys().cloned().collect();
        let give_up_at = elapsed() + served::WITHIN;
        let scan = loop {
            match scan(onto, RESTORED, &namespaces).await {
                Ok(scan) => break scan,
                Err(_) if elapsed() < give_up_at => sleep(Duration::from_millis(50)).await,
                Err(why) => return self.restored_badly(format!("the restored node does not serve: {why}")),
            }
        };
        let records: Vec<Record> = self.history.records();
        if let Err(what) = restored::check(&records, old, &scan, revision) {
            return self.restored_badly(what);
        }
        match ask(onto, "GET", "/api/v1/audit/verify", "").await {
            Ok((_, body)) if body["valid"] == true => {}
            Ok((_, body)) => return self.restored_badly(format!("its audit is not valid: {body}")),
            Err(why) => return self.restored_badly(format!("its audit is not verified: {why}")),
        }
        let written = match ask(onto, "PUT", "/api/v1/config/restored/key", r#"{"value":"new"}"#).await {
            Ok((Some(written), _)) => written,
            other => return self.restored_badly(format!("it does not take a write: {other:?}")),
        };
        let newest = records.iter().filter_map(Record::acknowledged).max();
        if let Err(what) = restored::check_token(newest, written) {
            return self.restored_badly(what);
        }
        for token in restored::tokens_to_try(&records, revision) {
            let shown = ask(onto, "GET", &format!("/api/v1/config/restored/key?minVersion={token}"), "").await;
            let unknown = shown.as_ref().is_err_and(|why| why.starts_with("409") && why.contains("version-unknown"));
            if let Err(what) = restored::check_old_token(token, revision, shown.is_ok(), unknown) {
                return self.restored_badly(format!("{what}: {shown:?}"));
            }
        }
        self.trace.count("backups restored and found whole");
        onto.stop(RESTORED, Stop::PowerLoss);
        Ok(())
    }

    fn restored_badly(&self, what: String) -> Result<(), Stopped> {
        self.laws.judge(elapsed(), restored::NAME, Err(what));
        self.stop_if_violated()
    }
}

type Answered = Result<(Option<LogId>, serde_json::Value), String>;

async fn ask(onto: &Cluster, method: &str, path: &str, body: &str) -> Answered {
    let request = HttpRequest::builder().method(method).uri(path).header("x-api-key", ADMIN_KEY);
    let request = request.header("content-type", "application/json").body(Bytes::from(body.to_owned()));
    let asked = call(onto, FIRST_CLIENT + 981, RESTORED, request.expect("sane parts"));
    match within(Duration::from_secs(10), asked).await {
        Some(Reply::Answer(answer)) if answer.status().is_success() => {
            let version = answer.headers().get("x-confman-version").and_then(|text| text.to_str().ok());
            let body = serde_json::from_slice(answer.body()).map_err(|error| error.to_string())?;
            Ok((version.and_then(|text| text.parse().ok()), body))
        }
        Some(Reply::Answer(answer)) => Err(format!("{} {}", answer.status(), String::from_utf8_lossy(answer.body()))),
        _ => Err("no answer".to_owned()),
    }
}
