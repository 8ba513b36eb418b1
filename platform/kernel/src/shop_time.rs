//! Local time of the shop: its time zone, and how a point in time is written for people. Programs get UTC (RFC 3339).
//!
//! The rules of all zones (the IANA database) are compiled in: every process of a fleet says the same, whatever its machine has.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// The shop's time zone; in settings its name. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShopTime(TimeZone);

impl TryFrom<String> for ShopTime {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::in_zone(&name)
    }
}

impl From<ShopTime> for String {
    fn from(time: ShopTime) -> Self {
        time.name().to_owned()
    }
}

impl Default for ShopTime {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl ShopTime {
    /// In the zone of this IANA name, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// In words, when there is no such zone; with the name that was probably meant, if there is one.
    pub fn in_zone(name: &str) -> Result<Self, String> {
        let known = TimeZoneDatabase::bundled();
        known.get(name).map(Self).map_err(|_| {
            let city = |zone: &str| zone.rsplit('/').next().unwrap_or_default().to_lowercase();
            let wanted = city(&name.trim().replace(' ', "_"));
            let meant = known.available().map(|zone| zone.to_string()).find(|zone| city(zone) == wanted);
            let hint = meant.map(|zone| format!(": did you mean {zone}?")).unwrap_or_default();
            format!("{name:?} is no time zone of the IANA database, such as Europe/Berlin or Asia/Tokyo{hint}")
        })
    }

    /// `Europe/Berlin`.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The day it is in the shop.
    pub fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.0.clone()).date()
    }

    /// A day as people write it: `20 November 2026`.
    pub fn date(&self, at: Timestamp) -> String {
        self.format("%-d %B %Y", at)
    }

    /// A moment as people write it: `20 November 2026, 14:05 (UTC+01:00)`.
    pub fn date_and_time(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned(self.0.clone());
        match zoned.offset().is_zero() {
            true => zoned.strftime("%-d %B %Y, %H:%M (UTC)").to_string(),
            false => zoned.strftime("%-d %B %Y, %H:%M (UTC%:z)").to_string(),
        }
    }

    /// A moment in a list, of one width and to be sorted by people: `2026-11-20 14:05:09 +01:00`.
    pub fn in_list(&self, at: Timestamp) -> String {
        self.format("%Y-%m-%d %H:%M:%S %:z", at)
    }

    /// A moment in a mail's header (RFC 5322, 3.3): `Fri, 20 Nov 2026 14:05:09 +0100`.
    pub fn in_header(&self, at: Timestamp) -> String {
        self.format("%a, %d %b %Y %H:%M:%S %z", at)
    }

    fn format(&self, format: &str, at: Timestamp) -> String {
        at.to_zoned(self.0.clone()).strftime(format).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_has_the_day_and_the_hour_of_the_shop() {
        let moment = at("2026-03-28T23:30:00Z");
        for (zone, date, full, list) in [
            ("UTC", "28 March 2026", "28 March 2026, 23:30 (UTC)", "2026-03-28 23:30:00 +00:00"),
            ("Europe/Berlin", "29 March 2026", "29 March 2026, 00:30 (UTC+01:00)", "2026-03-29 00:30:00 +01:00"),
            ("Asia/Tokyo", "29 March 2026", "29 March 2026, 08:30 (UTC+09:00)", "2026-03-29 08:30:00 +09:00"),
            ("America/New_York", "28 March 2026", "28 March 2026, 19:30 (UTC-04:00)", "2026-03-28 19:30:00 -04:00"),
            ("Asia/Kathmandu", "29 March 2026", "29 March 2026, 05:15 (UTC+05:45)", "2026-03-29 05:15:00 +05:45"),
            ("Pacific/Kiritimati", "29 March 2026", "29 March 2026, 13:30 (UTC+14:00)", "2026-03-29 13:30:00 +14:00"),
            ("Asia/Kuwait", "29 March 2026", "29 March 2026, 02:30 (UTC+03:00)", "2026-03-29 02:30:00 +03:00"),
        ] {
            let time = ShopTime::in_zone(zone).unwrap();
            assert_eq!((time.name(), time.date(moment).as_str()), (zone, date));
            assert_eq!((time.date_and_time(moment).as_str(), time.in_list(moment).as_str()), (full, list));
        }
    }

    #[test]
    fn summer_time_begins_and_ends_where_the_zone_says() {
        let berlin = ShopTime::in_zone("Europe/Berlin").unwrap();
        for (utc, local) in [
            ("2026-03-29T00:59:59Z", "2026-03-29 01:59:59 +01:00"),
            ("2026-03-29T01:00:00Z", "2026-03-29 03:00:00 +02:00"),
            ("2026-10-25T00:30:00Z", "2026-10-25 02:30:00 +02:00"),
            ("2026-10-25T01:30:00Z", "2026-10-25 02:30:00 +01:00"),
        ] {
            assert_eq!(berlin.in_list(at(utc)), local, "{utc}");
        }
        assert_eq!(berlin.in_header(at("2026-07-01T12:00:05Z")), "Wed, 01 Jul 2026 14:00:05 +0200");
        assert_eq!(ShopTime::default().in_header(Timestamp::UNIX_EPOCH), "Thu, 01 Jan 1970 00:00:00 +0000");
    }

    #[test]
    fn what_is_no_zone_is_refused_with_the_one_that_was_meant() {
        for wrong in ["", " ", "Europe/Berlim", "+01:00", "GMT+25", "Europe", "../etc/passwd", "Berlin\n"] {
            let refused = ShopTime::in_zone(wrong).unwrap_err();
            assert!(refused.contains("is no time zone"), "{refused}");
        }
        assert!(ShopTime::in_zone("Berlin").unwrap_err().ends_with("did you mean Europe/Berlin?"));
        assert!(ShopTime::in_zone("new york").unwrap_err().ends_with("did you mean America/New_York?"));
        assert_eq!(ShopTime::default().name(), "UTC");
    }

    #[test]
    fn a_zone_is_its_name_in_settings() {
        let time: ShopTime = serde_json::from_str("\"Asia/Kolkata\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"Asia/Kolkata\"");
        assert_eq!(serde_json::to_string(&ShopTime::default()).unwrap(), "\"UTC\"");
        assert!(serde_json::from_str::<ShopTime>("\"Mars\"").unwrap_err().to_string().contains("is no time zone"));
    }
}
