//! Words of programs and people in the languages of merchants: yes and no, published or not, units. Spreadsheets write `WAHR` and
//! `FAUX` where the export they opened had `true` and `false`.

/// Words in lower case, parted by bars.
#[derive(Clone, Copy)]
pub(crate) struct Words(&'static str);

impl Words {
    pub(crate) fn have(self, word: &str) -> bool {
        self.all().any(|known| known == word)
    }

    fn all(self) -> impl Iterator<Item = &'static str> {
        self.0.split('|')
    }
}

const YES: Words = Words(
    "\
    true|yes|y|1|on|t|wahr|ja|j|vrai|oui|verdadero|sí|si|vero|sì|verdadeiro|sim|waar|sant|sann|sand|kyllä|tosi|tak|prawda|\
    ano|pravda|igen|igaz|da|evet|doğru|да|истина|так|ναι|نعم|صحيح|כן|はい|真|是|예|네|참|có|ใช่|ya|✓|✔",
);
const NO: Words = Words(
    "\
    false|no|n|0|off|f|falsch|nein|faux|non|falso|não|nao|onwaar|nee|falskt|falsk|nej|nei|ei|epätosi|nie|fałsz|ne|\
    nepravda|nem|hamis|nu|hayır|yanlış|нет|ложь|ні|όχι|لا|خطأ|לא|いいえ|偽|否|不|아니요|아니오|거짓|không|ไม่|tidak|✗|✘",
);
const PUBLISHED: Words = Words(
    "\
    published|publish|active|enabled|visible|online|live|aktiv|aktiviert|veröffentlicht|sichtbar|actif|activé|activée|\
    publié|publiée|activo|activa|activado|publicado|publicada|attivo|attiva|attivato|pubblicato|pubblicata|ativo|ativa|\
    ativado|actief|ingeschakeld|gepubliceerd|aktivt|publicerad|publiceret|publisert|aktywny|opublikowany|opublikowane|\
    aktivní|publikováno|aktif|yayında|активен|активный|активно|опубликован|опубликовано|ενεργό|نشط|منشور|פעיל|有効|公開|公開済み|\
    公开|已发布|发布|上架|已上架|启用|已發佈|공개|활성|판매중",
);
const HIDDEN: Words = Words(
    "\
    draft|archived|inactive|disabled|hidden|private|pending|unpublished|offline|trash|deleted|discontinued|scheduled|\
    future|auto-draft|entwurf|inaktiv|deaktiviert|unveröffentlicht|verborgen|versteckt|archiviert|privat|brouillon|\
    inactif|désactivé|désactivée|masqué|archivé|borrador|inactivo|desactivado|oculto|archivado|bozza|inattivo|disattivato|\
    nascosto|rascunho|inativo|desativado|concept|inactief|uitgeschakeld|utkast|kladde|inaktivt|szkic|nieaktywny|ukryty|\
    koncept|neaktivní|taslak|pasif|черновик|неактивен|неактивный|неактивно|скрыт|скрыто|مسودة|غير نشط|טיוטה|下書き|非公開|未公開|\
    無効|草稿|未发布|下架|已下架|停用|禁用|비공개|임시저장|비활성",
);

/// Units of goods that are counted.
pub(crate) const PIECES: Words = Words(
    "\
    pcs|pc|pce|piece|pieces|unit|units|ea|x|st|stk|stck|stück|stuks|pièce|pièces|unité|unités|pieza|piezas|unidad|\
    unidades|ud|uds|un|pz|pezzi|pezzo|szt|sztuk|ks|db|adet|шт|штук|ед|قطعة|قطع|حبة|יח|个|件|個|点|台|개|ชิ้น|cái",
);
pub(crate) const GRAMS: Words = Words(
    "\
    g|gr|gm|gms|gram|grams|gramm|gramme|grammes|gramo|gramos|grammo|grammi|grama|gramas|г|гр|грамм|غ|جم|جرام|غرام|גרם|克|\
    公克|グラム|그램|กรัม",
);
pub(crate) const KILOGRAMS: Words = Words(
    "\
    kg|kgs|kilo|kilos|kilogram|kilograms|kilogramm|kilogramme|kilogrammes|kilogramo|kilogramos|chilogrammo|chilogrammi|\
    quilograma|quilogramas|кг|килограмм|كغ|كجم|كيلو|ק\"ג|千克|公斤|キロ|キログラム|킬로그램|กก",
);
pub(crate) const POUNDS: Words = Words(
    "\
    lb|lbs|pound|pounds|libra|libras|ポンド",
);
pub(crate) const OUNCES: Words = Words(
    "\
    oz|ounce|ounces|onza|onzas|オンス",
);

/// Yes or no, of a word in lower case.
pub(crate) fn answer(word: &str) -> Option<bool> {
    // Spreadsheets make a decimal number of a flag, and people a sentence of a word.
    let word = word.strip_suffix(".0").unwrap_or(word).trim_end_matches('.');
    if YES.have(word) { Some(true) } else { NO.have(word).then_some(false) }
}

/// Whether a product with this status is for sale, of a word in lower case.
pub(crate) fn is_published(word: &str) -> Option<bool> {
    let plain = word.trim_end_matches('.');
    if PUBLISHED.have(plain) {
        return Some(true);
    }
    if HIDDEN.have(plain) { Some(false) } else { answer(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_says_both() {
        for (list, others) in [(YES, NO), (PUBLISHED, HIDDEN), (PUBLISHED, NO), (HIDDEN, YES)] {
            let both: Vec<_> = list.all().filter(|word| others.have(word)).collect();
            assert!(both.is_empty(), "{both:?}");
        }
        for list in [YES, NO, PUBLISHED, HIDDEN, PIECES, GRAMS, KILOGRAMS, POUNDS, OUNCES] {
            let capital: Vec<_> =
                list.all().filter(|word| word.trim().to_lowercase() != *word || word.is_empty()).collect();
            assert!(capital.is_empty(), "{capital:?} cannot be found");
        }
    }
}
