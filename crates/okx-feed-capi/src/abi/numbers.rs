//! Exact numbers.
#![expect(unsafe_code, reason = "names are exported")]

use std::ffi::c_char;

use okx_feed::Decimal;

use crate::pointers::{check_out, put, put_text, text};
use crate::status::{Failure, Outcome, Status, guard};

fn decimal(mantissa: i64, scale: u8) -> Outcome<Decimal> {
    Decimal::new(mantissa, scale).map_err(|error| Failure::new(Status::Argument, error))
}

/// Writes a number as the exchange does, such as "84090.80", with a null byte. `len` may be NULL;
/// otherwise it gets the number of bytes without the null byte. 24 bytes are always enough.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_decimal_text(
    mantissa: i64,
    scale: u8,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> Status {
    guard(|| {
        let number = decimal(mantissa, scale)?;
        put_text(buffer, capacity, len, number.write_text(&mut [0; Decimal::MAX_TEXT_LEN]))?;
        Ok(Status::Ok)
    })
}

/// The nearest double, for display and statistics: it is not exact.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_decimal_double(mantissa: i64, scale: u8, out: *mut f64) -> Status {
    guard(|| {
        put(out, decimal(mantissa, scale)?.to_f64(), "out")?;
        Ok(Status::Ok)
    })
}

/// Reads a number, such as "84090.80".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn okx_decimal_parse(
    number: *const c_char,
    mantissa: *mut i64,
    scale: *mut u8,
) -> Status {
    guard(|| {
        check_out(mantissa, "mantissa")?;
        check_out(scale, "scale")?;
        let number = text(number, "number")?;
        let number = Decimal::parse(number.as_bytes());
        let number = number.map_err(|error| Failure::new(Status::Text, error))?;
        put(mantissa, number.mantissa(), "mantissa")?;
        put(scale, number.scale(), "scale")?;
        Ok(Status::Ok)
    })
}
