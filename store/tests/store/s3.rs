//! What only S3 can get wrong.

use std::io::Read;
use std::time::Duration;

use akin_store::{ErrorKind, S3Options, S3Store, Store, s3_inputs_with};
use bytes::Bytes;

use crate::ministack::Ministack;
use crate::proxy::{HttpFault, Proxy};
use crate::publication::{look, of_racing_runs_exactly_one_publishes, publish_through};
use crate::{begin, key, publish};

/// S3 at an endpoint, impatient.
pub fn options(endpoint: String) -> S3Options {
    S3Options {
        endpoint_url: Some(endpoint),
        region: Some("us-east-1".to_owned()),
        credentials: Some(("test".to_owned(), "test".to_owned())),
        retry_delay: Duration::from_millis(1),
        ..S3Options::default()
    }
}

/// Every object in parts, smaller than S3 itself would take them: the server's checksums take a second a megabyte or two.
fn in_parts(options: S3Options) -> S3Options {
    S3Options { multipart_above: 0, part_bytes: 100_000, ..options }
}

fn server_options() -> S3Options {
    options(Ministack::get().endpoint())
}

/// An empty store below a prefix of a bucket of its own.
pub fn new_store() -> S3Store {
    new_store_with(server_options())
}

fn new_store_with(options: S3Options) -> S3Store {
    let bucket = Ministack::get().new_bucket();
    S3Store::open_with(&format!("s3://{bucket}/some/prefix/"), options).unwrap()
}

/// Bytes that differ everywhere.
fn patterned(length: usize) -> Bytes {
    (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

#[test]
fn s3_keeps_the_contract() {
    crate::contract::check_contract(&new_store());
}

#[test]
fn s3_keeps_the_contract_when_objects_go_up_in_parts() {
    let store = new_store_with(in_parts(server_options()));
    crate::contract::check_contract(&store);
    assert_eq!(uploads_left(&store), 0);
}

/// How many uploads in parts are neither complete nor aborted in the store's bucket.
fn uploads_left(store: &S3Store) -> usize {
    let location = store.location();
    let bucket = location.strip_prefix("s3://").unwrap().split('/').next().unwrap();
    let (status, answer) = Ministack::get().request("GET", &format!("/{bucket}?uploads"), b"");
    assert_eq!(status, 200, "{answer}");
    answer.matches("<UploadId>").count()
}

#[test]
fn uploads_that_a_crash_left_are_swept_when_they_are_old_and_told_to() {
    let store = new_store();
    let location = store.location();
    let bucket = location.strip_prefix("s3://").unwrap().split('/').next().unwrap();
    // Two of one object, one of another, and one that is not below the prefix.
    let names = ["items/a.bin", "items/a.bin", "profiles/b.bin"];
    let keys = names.map(|name| format!("some/prefix/{name}"));
    for key in keys.iter().chain([&"some/prefix-2/c.bin".to_owned()]) {
        let begun = Ministack::get().request("POST", &format!("/{bucket}/{key}?uploads"), b"").1;
        let id = begun.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap();
        for number in 1..=2 {
            let part = format!("/{bucket}/{key}?partNumber={number}&uploadId={id}");
            assert_eq!(Ministack::get().request("PUT", &part, b"123456").0, 200);
        }
    }
    let (hour, now) = (chrono::TimeDelta::hours(1), chrono::Utc::now());
    assert_eq!(store.sweep(now - hour, true).unwrap(), []);
    for remove in [false, true] {
        assert_eq!(uploads_left(&store), 4);
        let swept = store.sweep(now + hour, remove).unwrap();
        let expected = keys.iter().map(|key| (format!("s3://{bucket}/{key}"), 12));
        let swept: Vec<_> = swept.into_iter().map(|left| (left.name, left.bytes)).collect();
        assert_eq!(swept, expected.collect::<Vec<_>>());
    }
    assert_eq!(uploads_left(&store), 1);
    assert_eq!(store.sweep(now + hour, true).unwrap(), []);
}

#[test]
fn an_object_of_several_parts_reads_back_whole() {
    let store = new_store_with(in_parts(server_options()));
    let (large, bytes) = (key("large.bin"), patterned(250_003));
    store.create(&large, bytes.clone()).unwrap();
    assert!(store.get(&large).unwrap() == bytes);
    let across = 99_990..100_010;
    let expected = bytes.slice(across.start as usize..across.end as usize);
    assert_eq!(store.get_range(&large, across).unwrap(), expected);
    store.overwrite(&large, bytes.slice(1..)).unwrap();
    assert!(store.get(&large).unwrap() == bytes.slice(1..));
}

#[test]
fn a_listing_of_many_pages_is_whole_and_in_order() {
    let store = new_store();
    let bucket = store.location();
    let bucket = bucket.strip_prefix("s3://").unwrap().split('/').next().unwrap();
    // S3 answers with a thousand at most.
    for number in 0..1_003 {
        Ministack::get().put(bucket, &format!("some/prefix/many/{number:04}"), b"x");
    }
    // Neighbours of the prefix are not below it.
    Ministack::get().put(bucket, "some/prefix-2/many/0001", b"x");
    let names = |after: Option<&str>| -> Vec<String> {
        let after = after.map(key);
        let listed = store.list("many/", after.as_ref()).unwrap();
        listed.iter().map(|object| object.key.to_string()).collect()
    };
    let all: Vec<String> = (0..1_003).map(|number| format!("many/{number:04}")).collect();
    assert!(names(None) == all, "{} names", names(None).len());
    assert!(names(Some("many/0001")) == all[2..], "{} names", names(Some("many/0001")).len());
}

#[test]
fn what_keeps_a_store_from_opening_is_named_with_the_remedy() {
    let server = Ministack::get();
    let bucket = server.new_bucket();
    let refusal = |location: &str, options: S3Options| {
        S3Store::open_with(location, options).unwrap_err().chain()
    };
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let here = format!("s3://{bucket}/store");
    for (told, expected) in [
        (refusal("s3://no-such-bucket/store", server_options()), "there is no such bucket"),
        (refusal("s3://No_Bucket/store", server_options()), "write s3://bucket/path"),
        (
            refusal(&here, options(format!("http://{unused}"))),
            "check the network, AWS_ENDPOINT_URL",
        ),
        (refusal(&here, options("nonsense".to_owned())), "AWS_ENDPOINT_URL"),
    ] {
        assert!(told.contains(expected) && told.contains("s3://"), "{told}");
    }
    // Something answers there, but no S3.
    for (status, code, expected) in [
        (403, "AccessDenied", "s3:ListBucket"),
        (403, "InvalidAccessKeyId", "renew or correct them"),
        (403, "RequestTimeTooSkewed", "set this machine's clock"),
        (301, "PermanentRedirect", "AWS_REGION"),
        (404, "", "check AWS_ENDPOINT_URL"),
    ] {
        let proxy = Proxy::start(server.address);
        proxy.fail(0, HttpFault::Refused(status, code));
        let told = refusal(&here, options(proxy.endpoint()));
        assert!(told.contains(expected) && told.contains(&bucket), "{status}: {told}");
        assert_eq!(proxy.heal(), 1, "one call tells");
    }
}

#[test]
fn a_missing_object_that_may_not_be_told_apart_is_no_missing_object() {
    let server = Ministack::get();
    let proxy = Proxy::start(server.address);
    let location = format!("s3://{}/store", server.new_bucket());
    let store = S3Store::open_with(&location, options(proxy.endpoint())).unwrap();
    proxy.fail(0, HttpFault::Refused(403, "AccessDenied"));
    let error = store.get(&key("manifests/a.json")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(error.chain().contains("there is no such object and they may not list"));
}

#[test]
fn a_store_works_on_the_threads_of_another_runtime() {
    let store = new_store();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = std::sync::Arc::new(store);
        let inner = std::sync::Arc::clone(&store);
        let task = move || inner.create(&key("a.json"), Bytes::from_static(b"1"));
        tokio::task::spawn_blocking(task).await.unwrap().unwrap();
        // Not a good idea, but no deadlock and no panic.
        assert_eq!(store.get(&key("a.json")).unwrap(), "1");
    });
}

#[test]
fn at_every_fault_of_every_request_of_an_upload_in_parts_nothing_false_is_said_and_nothing_left() {
    let server = Ministack::get();
    let proxy = Proxy::start(server.address);
    let bytes = patterned(100_001);
    let large = key("large.bin");
    let run = |fault: HttpFault, at: usize| -> bool {
        let location = format!("s3://{}/store", server.new_bucket());
        let store = S3Store::open_with(&location, server_options()).unwrap();
        let through = S3Store::open_with(&location, in_parts(options(proxy.endpoint()))).unwrap();
        proxy.fail(at, fault);
        let outcome = through.create(&large, bytes.clone());
        let requests = proxy.heal();
        let found = store.get(&large);
        let what = format!("{fault:?} at request {at}: {outcome:?}");
        let told = outcome.as_ref().err().is_none_or(|error| !error.may_have_happened());
        assert!(told || fault.lasts() || fault.is_absurd_for_most(), "{what}");
        match outcome {
            Ok(()) => assert!(found.unwrap() == bytes, "{what}"),
            Err(error) if error.may_have_happened() => match found {
                Ok(found) => assert!(found == bytes, "{what}"),
                Err(missing) => assert_eq!(missing.kind(), ErrorKind::NotFound, "{what}"),
            },
            // A retry met what an attempt before it had written, or the fault claimed so.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{what}");
                let claimed = fault == HttpFault::Refused(412, "PreconditionFailed");
                assert!(claimed || found.unwrap() == bytes, "{what}");
            }
        }
        let left = uploads_left(&store);
        assert!(left <= usize::from(may_leave_an_upload(fault)), "{what}: {left} left");
        requests > at
    };
    for fault in HttpFault::ALL {
        let requests = (0..).take_while(|&at| run(fault, at)).count();
        assert!(requests >= 4, "{fault:?} was only met in {requests} requests");
    }
}

#[test]
fn a_write_that_met_another_or_lost_its_upload_is_made_again() {
    let (store, through, proxy) = two_ways();
    let parts = S3Store::open_with(&store.location(), in_parts(options(proxy.endpoint()))).unwrap();
    let conflict = HttpFault::Refused(409, "ConditionalRequestConflict");
    let gone = HttpFault::Refused(404, "NoSuchUpload");
    let cases: [(&S3Store, usize, HttpFault); 3] =
        [(&through, 0, conflict), (&parts, 2, conflict), (&parts, 2, gone)];
    for (number, (way, at, fault)) in cases.into_iter().enumerate() {
        let (key, bytes) = (key(&format!("{number}.bin")), patterned(1_000 + number));
        proxy.fail(at, fault);
        way.create(&key, bytes.clone()).unwrap();
        assert!(proxy.heal() > at + 1, "{fault:?}");
        assert_eq!(store.get(&key).unwrap(), bytes);
    }
    assert_eq!(uploads_left(&store), 0);
}

/// A client that has died aborts nothing, and whoever lost the answer to the beginning of an upload does not know its
/// name.
fn may_leave_an_upload(fault: HttpFault) -> bool {
    !matches!(fault, HttpFault::Lost | HttpFault::Refused(..))
}

#[test]
fn at_every_fault_of_every_request_of_a_publication_readers_see_exactly_one_whole_version() {
    let run = |fault: HttpFault, at: usize| -> bool {
        let (store, through, proxy) = two_ways();
        publish(begin(&store), "old").unwrap();
        proxy.fail(at, fault);
        publish_through(&through, &store, &format!("{fault:?} at request {at}"), || proxy.heal())
            > at
    };
    for fault in HttpFault::ALL {
        let requests = (0..).take_while(|&at| run(fault, at)).count();
        assert!(requests >= 4, "{fault:?} was only met in {requests} requests");
    }
}

#[test]
fn at_every_fault_of_every_request_of_a_load_one_whole_version_is_seen() {
    let (store, through, proxy) = two_ways();
    publish(begin(&store), "old").unwrap();
    publish(begin(&store), "new").unwrap();
    let run = |fault: HttpFault, at: usize| -> bool {
        let what = format!("{fault:?} at request {at}");
        proxy.fail(at, fault);
        let seen = look(&through);
        let requests = proxy.heal();
        let (crashed, absurd) = (fault.lasts(), fault.is_absurd_for_most());
        match seen {
            // Once more was enough.
            Ok((version, refused)) if !crashed && !absurd => {
                assert_eq!((version, refused), (Some((2, "new".to_owned())), 0), "{what}");
            }
            Ok((Some((2, title)), 0)) => assert_eq!(title, "new", "{what}"),
            Ok((Some((1, title)), 1)) => assert_eq!((absurd, &*title), (true, "old"), "{what}"),
            Ok((None, refused)) => assert!(crashed && refused == 2, "{what}: {refused}"),
            Ok(other) => panic!("{what}: {other:?}"),
            Err(_) => assert!((crashed || absurd) && at == 0, "{what}: the listing fails"),
        }
        assert_eq!(look(&through).unwrap(), (Some((2, "new".to_owned())), 0), "after {what}");
        requests > at
    };
    for fault in HttpFault::ALL {
        let requests = (0..).take_while(|&at| run(fault, at)).count();
        assert!(requests >= 4, "{fault:?} was only met in {requests} requests");
    }
}

/// An empty store, directly and through a proxy.
fn two_ways() -> (S3Store, S3Store, Proxy) {
    let server = Ministack::get();
    let proxy = Proxy::start(server.address);
    let location = format!("s3://{}/store", server.new_bucket());
    let open = |options| S3Store::open_with(&location, options).unwrap();
    (open(server_options()), open(options(proxy.endpoint())), proxy)
}

#[test]
fn of_eight_runs_on_s3_exactly_one_gets_each_number() {
    of_racing_runs_exactly_one_publishes(&new_store());
}

#[test]
fn inputs_are_the_objects_at_a_key_or_below_a_prefix() {
    let server = Ministack::get();
    let bucket = server.new_bucket();
    for name in ["in/b.csv", "in/a.csv", "in/a.csv.gz", "in/deep/c%20d.csv", "in-2/e.csv"] {
        server.put(&bucket, name, name.as_bytes());
    }
    server.put(&bucket, "in/", b"");
    let keys = |path: &str| -> Vec<String> {
        let inputs = s3_inputs_with(&format!("s3://{bucket}{path}"), server_options()).unwrap();
        inputs.iter().map(|input| input.key().to_owned()).collect()
    };
    let below = ["in/a.csv", "in/a.csv.gz", "in/b.csv", "in/deep/c d.csv"];
    assert_eq!(keys("/in"), below);
    assert_eq!(keys("/in/"), below);
    assert_eq!(keys("/in/a.csv"), ["in/a.csv"]);
    assert_eq!(keys("/in/a"), [""; 0]);
    assert_eq!(keys("").len(), 5);
}

#[test]
fn an_input_is_read_as_it_was_listed_or_not_at_all() {
    let server = Ministack::get();
    let (bucket, bytes) = (server.new_bucket(), patterned((20 << 20) + 7));
    server.put(&bucket, "large.csv", &bytes);
    let proxy = Proxy::start(server.address);
    let location = format!("s3://{bucket}/large.csv");
    let input = s3_inputs_with(&location, options(proxy.endpoint())).unwrap().remove(0);
    assert_eq!((input.bytes(), input.location()), (bytes.len() as u64, location));
    assert_eq!(input.read_range(5..9).unwrap(), bytes.slice(5..9));
    assert_eq!(
        input.read_range(input.bytes() - 2..u64::MAX).unwrap(),
        bytes.slice(bytes.len() - 2..)
    );
    assert_eq!(input.read_range(input.bytes()..u64::MAX).unwrap(), "");

    let read = || {
        let mut read = Vec::new();
        input.reader().read_to_end(&mut read).map(|_| read == bytes)
    };
    assert!(read().unwrap());
    for at in 0..3 {
        for fault in [HttpFault::Lost, HttpFault::Truncated, HttpFault::Refused(503, "SlowDown")] {
            proxy.fail(at, fault);
            assert!(read().unwrap(), "{fault:?} at request {at}");
            assert!(proxy.heal() > at);
        }
    }
    proxy.fail(1, HttpFault::CrashBefore);
    assert!(read().unwrap_err().to_string().contains("large.csv"));
    proxy.heal();

    server.put(&bucket, "large.csv", &bytes.slice(1..));
    let error = input.read_range(0..1).unwrap_err();
    assert!(error.chain().contains("replaced"), "{error}");
}
