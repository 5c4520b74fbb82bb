#![deny(warnings)]

use audit_core::audited;

#[audited(action = "items")]
pub async fn items(n: u8) -> u8 {
    use std::cmp::max;
    const TWO: u8 = 2;
    fn twice(n: u8) -> u8 {
        n * TWO
    }
    max(twice(n), 7)
}

#[audited(action = "labels")]
pub async fn labels(mut n: u8) -> u8 {
    'outer: loop {
        loop {
            n += 1;
            if n > 7 {
                break 'outer n;
            }
        }
    }
}

#[audited(action = "diverging")]
pub async fn diverging() -> Result<u8, String> {
    std::process::abort()
}

#[audited(action = "forever")]
pub async fn forever() -> ! {
    loop {
        std::future::ready(()).await;
    }
}

#[audited(action = "coerced")]
pub async fn coerced(n: u8) -> Box<dyn Fn(u8) -> u8 + Send> {
    if n == 0 {
        return Box::new(|n| n);
    }
    Box::new(move |m| m + n)
}

#[audited(action = "recursive", resource = "number", resource_id = n)]
pub async fn recursive(n: u64) -> u64 {
    if n < 2 { n } else { Box::pin(recursive(n - 1)).await + 1 }
}

/// # Safety
/// None.
#[audited(action = "unsafe")]
pub async unsafe fn dangerous(pointer: &u8) -> u8 {
    let pointer: *const u8 = pointer;
    unsafe { *pointer }
}

#[audited(action = "not_send")]
pub async fn not_send() -> std::rc::Rc<u8> {
    let n = std::rc::Rc::new(1);
    std::future::ready(()).await;
    n
}

fn main() {}
