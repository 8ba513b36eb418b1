//! Numbers, measures, sizes and codes: which spellings find each other.

use super::super::Language::English;
use super::{finds, found, german, not_found, of};

#[test]
fn numbers_are_found_however_they_are_written() {
    for analyzer in [german(), of(&[English])] {
        found(
            &analyzer,
            &[
                ("17,3\"", "Notebook 17.3 Zoll"),
                ("17.3\"", "Notebook 17,3 Zoll"),
                ("17,3 zoll", "Notebook 17.3\""),
                ("17.3 inch", "Notebook 17,3″"),
                ("17.3inch", "Notebook 17.3-Zoll"),
                ("17.3\"", "17,3'' Display"),
                ("17 pouces", "écran 17 pulgadas"),
                ("17インチ", "ノートパソコン17型 17 inch"),
                ("17 inch", "17インチノートパソコン"),
                ("15寸", "15英寸"),
                ("3,5 mm", "Klinke 3.5mm"),
                ("3.5mm", "Klinke 3,5 mm"),
                ("3,50 mm", "3.5 Millimeter"),
                ("1/2 zoll", "Schlauch 1/2 Zoll"),
                ("1/2\"", "Schlauch ½ Zoll"),
                ("½ zoll", "Schlauch 1/2\""),
                ("1 1/2 zoll", "Rohr 1½ Zoll"),
                ("12 zoll", "Schlauch 12\""),
                ("10000 mah", "Powerbank 10.000 mAh"),
                ("10,000mAh", "Powerbank 10000 mAh"),
                ("10 000 mAh", "Powerbank 10000mAh"),
                ("10000mah", "Powerbank 10 000 mAh"),
                ("1.234,50", "1234.50"),
                ("5 Liter", "Kanister 5l"),
                ("2 кг", "2kg"),
                ("500 g", "500 гр"),
                ("64 Go", "Clé USB 64GB"),
                ("10 Stück", "10 pcs"),
                ("٥ لتر", "5 l"),
                ("１２８GB", "128 GB"),
                ("24 V", "Netzteil 12/24 V"),
                ("m2", "20 m²"),
            ],
        );
        not_found(
            &analyzer,
            &[
                ("12 zoll", "Schlauch 1/2 Zoll"),
                ("1/2 zoll", "Schlauch 12 Zoll"),
                ("1/2 zoll", "Schlauch 1-2 Zoll"),
                ("173", "Notebook 17,3 Zoll"),
                ("17 zoll", "Notebook 17,3 Zoll"),
                ("3 zoll", "Notebook 17,3 Zoll"),
                ("35 mm", "3,5 mm"),
                ("5 mm", "3,5 mm"),
                ("12", "1½ Zoll"),
            ],
        );
    }
}

#[test]
fn sizes_are_found_however_they_are_written() {
    for analyzer in [german(), of(&[English])] {
        let spellings =
            ["60x40", "60×40 cm", "60 x 40 cm", "60 X 40cm", "60*40", "60х40 см", "60cm x 40cm", "60 cm × 40 cm"];
        for text in spellings {
            for query in ["60x40", "60×40", "60 x 40", "60*40"] {
                found(&analyzer, &[(query, text)]);
            }
            not_found(&analyzer, &[("60x400", text), ("160x40", text), ("6040", text)]);
        }
        found(
            &analyzer,
            &[
                ("60x40 cm", "Fußmatte 60×40 cm"),
                ("60x40cm", "Fußmatte 60 x 40 cm"),
                ("60x40", "Box 60x40x20 cm"),
                ("60x40x20", "Box 60 × 40 × 20"),
                ("2x4gb", "DDR4 2 x 4 GB"),
                ("2x4gb", "DDR4 2×4GB"),
                ("2 x 4 gb", "DDR4 2x4GB"),
                ("4gb", "DDR4 2x4GB"),
                ("1920x1080", "1920 × 1080 px"),
                ("3,5x40", "Schraube 3.5 x 40 mm"),
            ],
        );
    }
    assert!(finds(&of(&[English]), "model x", "Tesla Model X 5"), "an x is a letter elsewhere");
}

#[test]
fn codes_and_hyphens_are_found_however_they_are_written() {
    for analyzer in [german(), of(&[English])] {
        for (one, other) in [
            ("wifi", "Wi-Fi Adapter"),
            ("wi-fi", "WiFi Repeater"),
            ("wi fi", "WiFi Repeater"),
            ("WLAN wifi", "WLAN Wi‑Fi"),
            ("tshirt", "T-Shirt"),
            ("t shirt", "T-Shirt"),
            ("t-shirts", "TShirt"),
            ("bluray player", "Blu-ray-Player"),
            ("email", "E-Mail"),
            ("GSR 18V-60", "GSR18V-60"),
            ("GSR18V-60", "GSR 18V-60"),
            ("gsr18v60", "GSR 18V-60"),
            ("gsr 18v 60", "GSR18V-60"),
            ("GSR 18V-60", "Bosch GSR-18V-60 Akku"),
            ("gsr18v", "GSR 18V-60"),
            ("DV7-1211ea", "HP DV7-1211ea"),
            ("dv71211ea", "HP DV7-1211ea"),
            ("dv7 1211ea", "HP DV7-1211ea"),
            ("106r01335", "Xerox 106R01335"),
            ("4gb", "4 GB"),
            ("4 gb", "4GB"),
            ("ps5", "PS 5"),
            ("ps 5", "PS5"),
            ("rtx3080", "RTX 3080"),
            ("rtx 3080", "RTX3080Ti"),
            ("iphone15", "iPhone 15 Pro"),
            ("802.11ac", "Router 802.11ac"),
            ("978-5-514-9046", "97855149046"),
            ("WD-40", "WD40"),
            ("usb c", "USB-C"),
            ("usb-c", "USB C"),
        ] {
            found(&analyzer, &[(one, other)]);
        }
        not_found(&analyzer, &[("wifi", "Wii"), ("12", "1-2"), ("gsr18v", "GSR 12V-60"), ("7", "dv7")]);
    }
}
