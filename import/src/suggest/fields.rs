//! Fields of a mapping and the names that merchants' files have for them, in the languages of the larger shop systems. Names are
//! compared in lower case and without what is no letter or digit.

/// A field that a column may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    ExternalId,
    Title,
    Price,
    CompareAt,
    Currency,
    Sku,
    Barcode,
    Stock,
    Brand,
    Category,
    Description,
    Media,
    Weight,
    Tags,
    Status,
    Slug,
    Size,
    Colour,
}

/// Fields in the order in which they take their columns, each with its names between blanks; the first ones fit best.
pub(super) const FIELDS: &[(Field, &str)] = &[
    (
        Field::ExternalId,
        "id productid externalid itemid handle articleid artikelnr artikelnummer artnr articlenumber itemnumber \
         itemno productno productnumber produktnummer produktid nr no nummer number reference référence ref \
         codigo código codice kod code артикул 商品番号 商品コード 商品编号 货号 상품번호 المعرف رقمالمنتج מקט",
    ),
    (
        Field::Sku,
        "sku variantsku skucode stockcode partnumber mpn artikelnummer artikelnr artnr ugs reference referencia \
         codice codigo код артикул 品番 型番 货号",
    ),
    (
        Field::Title,
        "title name productname producttitle itemname bezeichnung titel produktname artikelname \
         artikelbezeichnung nom titre designation désignation libellé nombre titulo título nome titolo naam nazwa \
         namn navn nimi название наименование товар 商品名 品名 名前 名称 상품명 제목 الاسم اسمالمنتج שם",
    ),
    (
        Field::CompareAt,
        "compareatprice compareat oldprice listprice msrp rrp regularprice uvp alterpreis streichpreis prixbarré \
         ancienprix precioanterior prezzolistino adviesprijs стараяцена 定価",
    ),
    (
        Field::Price,
        "price unitprice saleprice sellingprice retailprice priceinclvat pricegross preis vkpreis verkaufspreis \
         bruttopreis preisbrutto prix prixttc tarif precio preciofinal preço preco prezzo prijs cena pris hinta \
         цена 価格 値段 販売価格 价格 售价 가격 السعر سعر מחיר",
    ),
    (Field::Currency, "currency currencycode währung devise moneda valuta moeda waluta валюта 通貨 货币 العملة"),
    (
        Field::Barcode,
        "ean gtin barcode ean13 upc isbn eancode strichcode codebarre codigodebarras штрихкод jan janコード 条码",
    ),
    (
        Field::Stock,
        "stock quantity qty inventory inventoryquantity stockquantity onhand available bestand lagerbestand lager \
         menge quantité existencias cantidad giacenza quantità voorraad estoque quantidade stan ilość saldo \
         остаток количество 在庫 在庫数 库存 재고 المخزون الكمية מלאי",
    ),
    (
        Field::Brand,
        "brand vendor manufacturer maker marke hersteller marque fabricant marca fabricante produttore merk \
         producent бренд производитель ブランド メーカー 品牌 브랜드 العلامةالتجارية",
    ),
    (
        Field::Category,
        "category categories producttype type categorypath department kategorie kategorien warengruppe catégorie \
         catégories rayon categoria categoría categorías categorie kategoria kategori категория カテゴリ カテゴリー 分类 类别 \
         카테고리 الفئة קטגוריה",
    ),
    (
        Field::Description,
        "description longdescription bodyhtml body details text shortdescription beschreibung kurzbeschreibung \
         langtext descriptif descripción descripcion descrizione descrição beschrijving opis beskrivning описание \
         説明 商品説明 描述 설명 الوصف תיאור",
    ),
    (
        Field::Media,
        "image images imageurl imagesrc imagelink picture pictures photo photos bild bilder bildurl photo imagen \
         imágenes immagine immagini imagem afbeelding zdjęcie изображение фото 画像 图片 이미지 الصورة",
    ),
    (
        Field::Weight,
        "weight weightg weightkg weightgrams shippingweight gewicht gewichtkg gewichtg poids poidskg peso pesokg \
         pesog waga vikt вес 重量 重さ 무게 الوزن",
    ),
    (Field::Tags, "tags keywords labels schlagwörter schlagworte motsclés étiquettes etiquetas tag теги タグ 标签"),
    (
        Field::Status,
        "status published active visible enabled online aktiv veröffentlicht publié actif activo publicado attivo \
         статус 公開 状态",
    ),
    (Field::Slug, "slug urlkey urlhandle permalink seourl"),
    (
        Field::Size,
        "size größe groesse taille talla tamaño taglia maat rozmiar storlek размер サイズ 尺码 尺寸 사이즈 المقاس",
    ),
    (Field::Colour, "color colour farbe couleur colore cor kleur kolor färg цвет 色 カラー 颜色 색상 اللون"),
];

/// A name of a column as it is compared.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How well a column's name fits a field: more is better, none is not at all. Whole names fit best, then those that begin or end with
/// one (`Preis EUR`, `Artikel-Titel`).
pub(super) fn fit(name: &str, names: &str) -> Option<usize> {
    let plain = plain(name);
    let words: Vec<String> = name.split(|c: char| !c.is_alphanumeric()).map(self::plain).collect();
    let place = |fits: &dyn Fn(&str) -> bool| names.split_whitespace().position(fits);
    let whole = place(&|known| known == plain).map(|at| 2_000 - at);
    whole.or_else(|| place(&|known| words.iter().any(|word| word == known)).map(|at| 1_000 - at))
}
