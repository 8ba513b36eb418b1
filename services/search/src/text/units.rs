//! Units of measure: the names of a unit in the languages that shops are written in, and the one that stands for all.

use super::tokens::{Gap, Kind, Token};

/// Characters of the longest name in a script without spaces.
const MAX_UNSPACED: usize = 8;

/// The unit that a token names after a number.
pub(super) fn of(token: &Token<'_>) -> Option<&'static str> {
    match token.kind {
        Kind::Inch => Some("inch"),
        // Small words of their own, unless they stand at the number.
        Kind::Word(_) if token.gap == Gap::None => named(&token.text).or(match token.text.as_ref() {
            "in" => Some("inch"),
            "to" => Some("tb"),
            _ => None,
        }),
        Kind::Word(_) => named(&token.text),
        // Words follow without a space.
        Kind::Run(_) => {
            let ends = token.text.char_indices().map(|(at, c)| at + c.len_utf8()).take(MAX_UNSPACED);
            ends.collect::<Vec<_>>().into_iter().rev().find_map(|end| named(&token.text[..end]))
        }
        Kind::Number | Kind::Fraction | Kind::Code | Kind::Times => None,
    }
}

/// The unit of this name, in lower case with its accents.
fn named(name: &str) -> Option<&'static str> {
    Some(match name {
        "zoll" | "inch" | "inches" | "pouce" | "pouces" | "pulgada" | "pulgadas" | "pollice" | "pollici"
        | "polegada" | "polegadas" | "duim" | "tum" | "tomme" | "tommer" | "tuuma" | "tuumaa" | "cal" | "cale"
        | "cali" | "palec" | "palce" | "palců" | "inç" | "hüvelyk" | "ίντσα" | "ίντσες" | "дюйм" | "дюйма"
        | "дюймов" | "дюймы" | "بوصة" | "インチ" | "吋" | "英寸" | "英吋" | "寸" | "인치" | "นิ้ว" => {
            "inch"
        }
        "mm"
        | "millimeter"
        | "millimeters"
        | "millimetre"
        | "millimetres"
        | "millimètre"
        | "millimètres"
        | "milímetro"
        | "milímetros"
        | "millimetro"
        | "millimetri"
        | "мм"
        | "миллиметр"
        | "миллиметров"
        | "مم"
        | "ミリ"
        | "ミリメートル"
        | "毫米"
        | "公厘"
        | "밀리미터"
        | "มม"
        | "มิลลิเมตร" => "mm",
        "cm"
        | "zentimeter"
        | "centimeter"
        | "centimeters"
        | "centimetre"
        | "centimetres"
        | "centimètre"
        | "centimètres"
        | "centímetro"
        | "centímetros"
        | "centimetro"
        | "centimetri"
        | "см"
        | "сантиметр"
        | "сантиметров"
        | "سم"
        | "センチ"
        | "センチメートル"
        | "厘米"
        | "公分"
        | "센티미터"
        | "ซม"
        | "เซนติเมตร" => "cm",
        "m" | "meter" | "meters" | "metre" | "metres" | "mètre" | "mètres" | "metro" | "metros" | "metri" | "м"
        | "метр" | "метра" | "метров" | "متر" | "メートル" | "米" | "公尺" | "미터" | "เมตร" => {
            "m"
        }
        "g" | "gr" | "gramm" | "gram" | "grams" | "gramme" | "grammes" | "gramo" | "gramos" | "grammo" | "grammi"
        | "grama" | "gramas" | "г" | "гр" | "грамм" | "غرام" | "جرام" | "グラム" | "克" | "그램" | "กรัม" => {
            "g"
        }
        "kg"
        | "kilo"
        | "kilos"
        | "kilogramm"
        | "kilogram"
        | "kilograms"
        | "kilogramme"
        | "kilogrammes"
        | "kilogramo"
        | "kilogramos"
        | "chilogrammo"
        | "chilogrammi"
        | "quilograma"
        | "quilogramas"
        | "кг"
        | "килограмм"
        | "килограммов"
        | "كجم"
        | "كغ"
        | "キロ"
        | "キログラム"
        | "公斤"
        | "千克"
        | "킬로그램"
        | "กก"
        | "กิโลกรัม" => "kg",
        "l" | "ltr" | "liter" | "liters" | "litre" | "litres" | "litro" | "litros" | "litri" | "л" | "литр"
        | "литра" | "литров" | "لتر" | "リットル" | "升" | "公升" | "리터" | "ลิตร" => {
            "l"
        }
        "ml"
        | "milliliter"
        | "milliliters"
        | "millilitre"
        | "millilitres"
        | "mililitro"
        | "mililitros"
        | "millilitro"
        | "millilitri"
        | "мл"
        | "миллилитров"
        | "مل"
        | "ミリリットル"
        | "毫升"
        | "밀리리터"
        | "มล" => "ml",
        "w" | "watt" | "watts" | "vatio" | "vatios" | "вт" | "ватт" | "واط" | "ワット" | "瓦" | "와트" | "วัตต์" => {
            "w"
        }
        "v" | "volt" | "volts" | "voltios" | "вольт" | "فولت" | "ボルト" | "伏" | "볼트" | "โวลต์" => {
            "v"
        }
        "mah" | "мач" | "ミリアンペア" | "毫安" | "毫安时" => "mah",
        "mb" | "mo" | "megabyte" | "megabytes" | "мб" | "メガ" => "mb",
        "gb" | "go" | "gigabyte" | "gigabytes" | "гб" | "جيجا" | "ギガ" | "기가" => "gb",
        "tb" | "terabyte" | "terabytes" | "тб" | "テラ" | "테라" => "tb",
        "hz" | "hertz" | "гц" | "ヘルツ" | "赫兹" | "헤르츠" => "hz",
        "stk" | "stück" | "stueck" | "pcs" | "piece" | "pieces" | "pièce" | "pièces" | "pieza" | "piezas" | "pezzo"
        | "pezzi" | "stuks" | "peças" | "szt" | "шт" | "штук" | "قطعة" | "個" | "个" | "件" | "개" | "ชิ้น" => {
            "pcs"
        }
        _ => return None,
    })
}
