//! The lock of a segment's name: nobody but its writer can hold it or turn it against other files.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use okx_feed::publish::shm::{ShmError, ShmOptions, ShmReader, ShmWriter};

use super::{Name, small};

fn permissions(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// Makes a file that is neither a file nor a folder; false if the system refuses.
fn special(path: &Path, program: &str, arguments: &[&str]) -> bool {
    let is_made = Command::new(program).arg(path).args(arguments).output();
    let is_made = is_made.is_ok_and(|done| done.status.success());
    if !is_made {
        println!("SKIPPED: {program} {arguments:?} is refused");
    }
    is_made
}

#[test]
fn a_reader_that_locks_the_segment_keeps_no_writer_out() {
    let name = Name::new();
    let options = ShmOptions { mode: 0o640, ..small() };
    let first = ShmWriter::create(&name.0, options).unwrap();
    let reader = File::open(&name.0).unwrap();
    reader.lock().unwrap();
    drop(first);
    let second = ShmWriter::create(&name.0, options).unwrap();
    // What readers can't open they can't lock.
    assert_eq!((permissions(&name.0), permissions(&name.lock())), (0o640, 0o600));
    assert!(matches!(ShmWriter::create(&name.0, options), Err(ShmError::InUse { .. })));
    assert_eq!(ShmReader::open(&name.0).unwrap().generation(), second.generation());
}

#[test]
fn what_a_killed_writer_leaves_keeps_no_writer_out() {
    let name = Name::new();
    // Killed before the lock was taken, or before the segment had its name.
    fs::write(name.lock(), b"").unwrap();
    fs::set_permissions(name.lock(), Permissions::from_mode(0o600)).unwrap();
    fs::write(name.beside("new"), b"half of a segment").unwrap();
    let _writer = ShmWriter::create(&name.0, small()).unwrap();
    assert!(ShmReader::open(&name.0).is_ok() && !name.beside("new").exists());
}

#[test]
fn a_writer_without_a_segment_yet_is_in_the_way_too() {
    let name = Name::new();
    fs::write(name.lock(), b"").unwrap();
    fs::set_permissions(name.lock(), Permissions::from_mode(0o600)).unwrap();
    let lock = File::open(name.lock()).unwrap();
    lock.lock().unwrap();
    let refused = ShmWriter::create(&name.0, small());
    assert!(matches!(refused, Err(ShmError::InUse { pid: 0, .. })), "{refused:?}");
    assert!(!name.0.exists() && !name.beside("new").exists());
}

#[test]
fn a_lock_that_is_not_the_writers_alone_is_refused() {
    let name = Name::new();
    let refused = || match ShmWriter::create(&name.0, small()) {
        Err(ShmError::LockFile { path, reason }) => {
            assert_eq!(path, name.lock());
            reason
        }
        other => panic!("{other:?}"),
    };
    fs::write(name.lock(), b"").unwrap();
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(name.lock(), Permissions::from_mode(mode)).unwrap();
        assert!(refused().contains("permissions"));
    }
    fs::set_permissions(name.lock(), Permissions::from_mode(0o600)).unwrap();
    let other = Name::new();
    fs::hard_link(name.lock(), &other.0).unwrap();
    assert!(refused().contains("not a file of its own"));
    fs::remove_file(&other.0).unwrap();
    match std::os::unix::fs::chown(name.lock(), Some(65_534), None) {
        Ok(()) => assert!(refused().contains("another user")),
        Err(error) => println!("SKIPPED: a file of another user: {error}"),
    }
    fs::remove_file(name.lock()).unwrap();
    if special(&name.lock(), "mkfifo", &["-m", "600"]) {
        assert!(refused().contains("not a file of its own"));
        fs::remove_file(name.lock()).unwrap();
    }
    assert!(!name.0.exists(), "nothing was made");
}

#[test]
fn a_lock_that_is_a_link_is_refused_and_what_it_names_is_left_alone() {
    let (name, target) = (Name::new(), Name::new());
    fs::write(&target.0, b"precious").unwrap();
    let before = permissions(&target.0);
    symlink(&target.0, name.lock()).unwrap();
    let refused = ShmWriter::create(&name.0, small());
    assert!(matches!(refused, Err(ShmError::Io { .. })), "{refused:?}");
    assert_eq!(
        (fs::read(&target.0).unwrap(), permissions(&target.0)),
        (b"precious".into(), before)
    );
    // One that names nothing makes nothing.
    fs::remove_file(&target.0).unwrap();
    assert!(ShmWriter::create(&name.0, small()).is_err());
    assert!(!target.0.exists() && !name.0.exists());
}

#[test]
fn devices_and_pipes_are_neither_replaced_nor_waited_for() {
    for (program, arguments) in [("mknod", &["c", "1", "3"][..]), ("mkfifo", &[])] {
        let name = Name::new();
        if !special(&name.0, program, arguments) {
            continue;
        }
        let (path, done) = (name.0.clone(), channel());
        std::thread::spawn(move || {
            let written = ShmWriter::create(&path, small()).is_ok();
            let _ = done.0.send((written, ShmReader::open(&path).is_ok()));
        });
        let seen = done.1.recv_timeout(Duration::from_secs(20));
        assert_eq!(seen, Ok((false, false)), "{program}");
        assert!(!fs::metadata(&name.0).unwrap().is_file(), "{program} was replaced");
    }
}
