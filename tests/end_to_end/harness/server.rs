//! Running akin-serve.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Workplace, command, get, isolated, program};

/// How long anything may take before a test gives up. Nothing asserts a time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed at the end.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: std::path::PathBuf,
}

impl Server {
    /// Starts a server on the workplace's store and data folder, and waits until it listens.
    pub fn start(workplace: &Workplace, more: &[&str]) -> Self {
        Self::start_in(workplace, "data", more)
    }

    /// The same, with something else in its environment.
    pub fn start_where(workplace: &Workplace, environment: (&str, &str), more: &[&str]) -> Self {
        let mut program = command("akin-serve");
        program.env(environment.0, environment.1);
        Self::spawn_as(program, workplace, "data", more, "info").once_it_listens()
    }

    /// The same, with a data folder of its own.
    pub fn start_in(workplace: &Workplace, data: &str, more: &[&str]) -> Self {
        Self::spawn(workplace, data, more, "info").once_it_listens()
    }

    /// Starts a server that logs JSON lines, and what `levels` says.
    pub fn start_with_json_log(workplace: &Workplace, levels: &str) -> Self {
        Self::spawn(workplace, "data", &["--log-json"], levels).once_it_listens()
    }

    /// Starts a server whose system calls strace spoils as `injection` says; none when it gives up.
    pub fn start_spoiled(workplace: &Workplace, injection: &str, more: &[&str]) -> Option<Self> {
        let mut strace = spoiled(injection);
        strace.arg(program("akin-serve"));
        let mut server = Self::spawn_as(strace, workplace, "data", more, "info");
        server.address = server.wait_for_address()?;
        Some(server)
    }

    /// SIGKILL so long after the program was started, whatever it does by then.
    pub fn kill_9_while_it_starts(workplace: &Workplace, more: &[&str], after: Duration) {
        let server = Self::spawn(workplace, "data", more, "info");
        sleep(after);
        server.kill_9();
    }

    fn once_it_listens(mut self) -> Self {
        self.address = self.wait_for_address().expect("the server gave up");
        self
    }

    /// Where it listens; none when it ends before.
    fn wait_for_address(&mut self) -> Option<SocketAddr> {
        wait_for("the server listens", || {
            let has_ended = self.child.try_wait().unwrap().is_some();
            let address = listening_address(&self.log_text());
            (address.is_some() || has_ended).then_some(address)
        })
    }

    /// Starts a server and waits until it is ready.
    pub fn start_ready(workplace: &Workplace, more: &[&str]) -> Self {
        let server = Self::start(workplace, more);
        server.wait_until_ready();
        server
    }

    fn spawn(workplace: &Workplace, data: &str, more: &[&str], levels: &str) -> Self {
        Self::spawn_as(command("akin-serve"), workplace, data, more, levels)
    }

    fn spawn_as(
        mut command: Command,
        workplace: &Workplace,
        data: &str,
        more: &[&str],
        levels: &str,
    ) -> Self {
        let number = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let log = workplace.path(&format!("serve-{}.log", number.as_nanos()));
        let (store, data) = (workplace.store(), workplace.text(data));
        let child = command
            .args(["--store", &store, "--data-dir", &data, "--listen", "127.0.0.1:0"])
            .args(["--poll-interval", "0.1"])
            .args(more)
            .env("AKIN_LOG", levels)
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, address: ([127, 0, 0, 1], 0).into(), log }
    }

    /// Starts a server that is expected to give up, and returns its exit code and log.
    pub fn start_in_vain(workplace: &Workplace, more: &[&str]) -> (Option<i32>, String) {
        let mut server = Self::spawn(workplace, "data", more, "info");
        let status = server.wait();
        (status.code(), server.log_text())
    }

    /// The same, with at most so many open files, and with more in its environment.
    pub fn start_in_vain_with_files(
        workplace: &Workplace,
        files: u32,
        (name, value): (&str, &str),
    ) -> (Option<i32>, String) {
        let mut shell = isolated(Command::new("sh"));
        shell.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]);
        shell.arg(program("akin-serve")).env(name, value);
        let mut server = Self::spawn_as(shell, workplace, "data", &[], "info");
        let status = server.wait();
        (status.code(), server.log_text())
    }

    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn wait_until_ready(&self) {
        wait_for("the server is ready", || {
            (get(self, "/health/ready").status == 200).then_some(())
        });
    }

    /// Waits until there is something to fold ratings in against, whether or not the server is ready for any.
    pub fn wait_until_it_has_a_version(&self) {
        wait_for("a version serves", || {
            (get(self, "/versions/current").status == 200).then_some(())
        });
    }

    /// Waits until a version with this number serves.
    pub fn wait_for_sequence(&self, sequence: u64) {
        wait_for("the version serves", || {
            (get(self, "/versions/current").json()["sequence"] == sequence).then_some(())
        });
    }

    /// Memory in use, as Linux says it.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(self.of_process("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Files and sockets that are open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(self.of_process("fd")).unwrap().count()
    }

    fn of_process(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.child.id())
    }

    /// SIGKILL: nothing is written any more.
    pub fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// A signal by its name, without `SIG`.
    pub fn signal(&self, name: &str) {
        assert!(self.try_signal(name));
    }

    /// The same to a process that may have ended. Says whether it was sent.
    pub fn try_signal(&self, name: &str) -> bool {
        let pid = self.child.id().to_string();
        Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success()
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(mut self) -> ExitStatus {
        self.ask_to_stop();
        self.wait()
    }

    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the server ends", || self.child.try_wait().unwrap())
    }
}

/// strace, which lets system calls of what follows fail as `injection` says.
pub fn spoiled(injection: &str) -> Command {
    let calls = injection.split(':').next().unwrap();
    let mut strace = isolated(Command::new("strace"));
    // With -D what follows stays our child; the filter stops it only at the calls that are looked at.
    strace.args(["-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"]);
    strace.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={injection}")]);
    strace
}

fn listening_address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("listening"))?;
    // `address=127.0.0.1:80`, or `"address":"127.0.0.1:80"`.
    let after = line.split("address").nth(1)?.trim_start_matches(['=', '"', ':']);
    after.split([' ', '"']).next()?.parse().ok()
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", self.log_text());
        }
    }
}

/// Asks until there is an answer.
#[track_caller]
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        sleep(Duration::from_millis(20));
    }
}
