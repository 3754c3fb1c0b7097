//! What a Rust program uses to speak with the federation that runs it as a job.
//! It is the same as package `guest` is for Go; docs/jobs.md has the table of calls.

#![allow(dead_code)] // a program uses what it needs

#[link(wasm_import_module = "icn")]
extern "C" {
    fn host_get_caller(out: *mut u8, size: u32) -> i32;
    fn host_get_current_time() -> i64;
    fn host_output(name: *const u8, name_size: u32, data: *const u8, size: u32) -> i32;
    fn host_progress(permille: u32, words: *const u8, size: u32);
    fn host_checkpoint_save(data: *const u8, size: u32) -> i32;
    fn host_checkpoint_load(out: *mut u8, size: u32) -> i32;
}

/// What a call says when it does not do what it was asked.
#[derive(Debug, PartialEq)]
pub enum Refused {
    Invalid,
    Denied,
    Missing,
    TooMuch,
    Failed,
}

fn check(code: i32) -> Result<usize, Refused> {
    match code {
        n if n >= 0 => Ok(n as usize),
        -1 => Err(Refused::Invalid),
        -2 => Err(Refused::Denied),
        -3 => Err(Refused::Missing),
        -4 => Err(Refused::TooMuch),
        _ => Err(Refused::Failed),
    }
}

/// Reads what a call leaves in a buffer, as long as it turns out to be.
fn read(call: impl Fn(*mut u8, u32) -> i32) -> Result<Vec<u8>, Refused> {
    let mut b = vec![0u8; 256];
    loop {
        let n = check(call(b.as_mut_ptr(), b.len() as u32))?;
        if n <= b.len() {
            b.truncate(n);
            return Ok(b);
        }
        b.resize(n, 0);
    }
}

/// The DID of whoever submitted the job.
pub fn caller() -> Result<String, Refused> {
    let b = read(|p, n| unsafe { host_get_caller(p, n) })?;
    String::from_utf8(b).map_err(|_| Refused::Failed)
}

/// The job's time, in milliseconds since 1970: it stands still.
pub fn now() -> i64 {
    unsafe { host_get_current_time() }
}

/// Leaves data under a name that the job asks for.
pub fn output(name: &str, data: &[u8]) -> Result<(), Refused> {
    let code = unsafe { host_output(name.as_ptr(), name.len() as u32, data.as_ptr(), data.len() as u32) };
    check(code).map(|_| ())
}

/// Tells how far the program is, in thousandths, and what it does.
pub fn progress(permille: u32, words: &str) {
    unsafe { host_progress(permille, words.as_ptr(), words.len() as u32) }
}

/// Leaves a checkpoint, from which another executor, or another job, can go on.
pub fn save(state: &[u8]) -> Result<(), Refused> {
    check(unsafe { host_checkpoint_save(state.as_ptr(), state.len() as u32) }).map(|_| ())
}

/// The checkpoint that this run begins from.
pub fn load() -> Option<Vec<u8>> {
    read(|p, n| unsafe { host_checkpoint_load(p, n) }).ok().filter(|b| !b.is_empty())
}
