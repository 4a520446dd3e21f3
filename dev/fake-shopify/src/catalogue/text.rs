//! Made-up texts: words as shops write them, with the characters that break careless readers.

use super::seed::Mix;

pub const VENDORS: [&str; 10] = [
    "Acme",
    "Bär & Söhne",
    "Côté Sud",
    "Fjällsport",
    "Hill <&> Dale",
    "Kōbō",
    "Mercerie Ünal",
    "North Pier",
    "O'Neal \"Originals\"",
    "Zażółć",
];

pub const TYPES: [&str; 8] = [
    "Hoodies",
    "Shirts",
    "Trousers",
    "Jackets",
    "Bags & Belts",
    "Shoes",
    "Hats",
    "Home",
];

pub const TAGS: [&str; 16] = [
    "archive sale",
    "bestseller",
    "bio",
    "eco & fair",
    "été 2025",
    "gift",
    "handmade",
    "kids",
    "limited",
    "men",
    "new",
    "organic cotton",
    "outlet",
    "vegan",
    "winter",
    "women",
];

const ADJECTIVES: [&str; 16] = [
    "Soft", "Heavy", "Light", "Classic", "Everyday", "Relaxed", "Slim", "Vintage", "Quilted", "Woven", "Brushed",
    "Waxed", "Boxy", "Cropped", "Long", "Padded",
];

const NOUNS: [&str; 16] = [
    "Hoodie", "Shirt", "Tee", "Parka", "Chinos", "Tote", "Beanie", "Cardigan", "Blazer", "Dress", "Scarf", "Sneaker",
    "Poncho", "Anorak", "Vest", "Blanket",
];

const PLACES: [&str; 12] = [
    "Été",
    "Oslo",
    "Kyōto",
    "Lagos",
    "Málaga",
    "Tromsø",
    "Bristol & Bath",
    "Łódź",
    "İzmir",
    "Québec",
    "Porto",
    "Graz",
];

const SENTENCES: [&str; 20] = [
    "Cut from a dense, long-staple fabric that keeps its shape wash after wash.",
    "Gestrickt in einer kleinen Weberei bei Mönchengladbach – fair & klimafreundlich.",
    "Conçu pour l’été : léger, respirant &amp; facile à porter.",
    "The collar stands by itself; the seams are taped from shoulder to cuff.",
    "Care: wash at < 30 °C, do not tumble dry, iron inside out.",
    "We made 1,200 pieces and numbered every label by hand.",
    "Two hidden pockets, one for a phone > 6\" and one for keys.",
    "日本製の生地を使用しています。",
    "Weight: 310 g/m² — a real three-season weight.",
    "Sourced from farms that leave a third of the land to itself.",
    "The dye is mixed in small lots, so shades differ slightly between batches.",
    "Buttons are corozo nut, sewn on with a shank & four crossings.",
    "Model is 1.82 m tall and wears size M.",
    "Pairs well with the trousers of the same line.",
    "Odporna na deszcz, oddychająca i bardzo lekka.",
    "Returns are free for 60 days; repairs are free for ten years.",
    "The lining is a recycled satin that does not cling.",
    "Delivered folded in paper: no plastic, no hangers, no leaflets. 🌱",
    "Pre-shrunk, so what fits today fits next year.",
    "Reinforced at the elbows, because that is where it always starts.",
];

/// A title.
pub fn title(mix: &mut Mix) -> String {
    let (adjective, noun, place) = (mix.pick(&ADJECTIVES), mix.pick(&NOUNS), mix.pick(&PLACES));
    if mix.chance(0.3) {
        format!("{adjective} {noun} – {place}")
    } else {
        format!("{adjective} {place} {noun}")
    }
}

/// A handle from a title and a number that makes it unique.
pub fn handle(title: &str, number: i64) -> String {
    let mut handle = String::with_capacity(title.len() + 12);
    for word in title
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        handle.push_str(&word.to_ascii_lowercase());
        handle.push('-');
    }
    handle.push_str(&number.to_string());
    handle
}

/// A body of about a kilobyte; another revision reads differently.
pub fn description(seed: u64, revision: u32, title: &str) -> String {
    let mut mix = Mix::new(seed ^ (u64::from(revision) << 32) ^ 0xb0d7);
    let mut html = String::with_capacity(1_600);
    html.push_str("<h2>");
    html.push_str(&title.replace('&', "&amp;"));
    html.push_str("</h2>\n<p>");
    for _ in 0..4 + mix.below(6) {
        html.push_str(mix.pick(&SENTENCES));
        html.push(' ');
    }
    html.push_str("</p>\n<ul class=\"details\">");
    for _ in 0..2 + mix.below(3) {
        html.push_str("<li>");
        html.push_str(mix.pick(&SENTENCES));
        html.push_str("</li>");
    }
    html.push_str("</ul>\n<p><a href=\"/pages/care?from=product&utm=body\">Care &amp; repair</a></p>");
    html
}

/// Streets.
pub const STREETS: [&str; 8] = [
    "O'Connor Street",
    "Elm St.",
    "Rue de l’Été",
    "Sendlinger Straße",
    "Piotrkowska",
    "Broadway",
    "Avenida Paulista",
    "Patrick & Main",
];

/// First names.
pub const FIRST_NAMES: [&str; 16] = [
    "Bob", "Zoë", "Jürgen", "María", "Łucja", "Aoife", "Kenji", "Ana", "Noah", "Ji-woo", "Olu", "Émile", "Priya",
    "Sam", "Ida", "Þór",
];

/// Last names.
pub const LAST_NAMES: [&str; 16] = [
    "Biller",
    "O'Neill",
    "Müller",
    "García",
    "Wójcik",
    "Ní Bhriain",
    "Tanaka",
    "da Silva",
    "Smith",
    "Kim",
    "Adeyemi",
    "Lefèvre",
    "Iyer",
    "van der Berg",
    "Jensen",
    "Jónsdóttir",
];

/// What a customer can be tagged with.
pub const CUSTOMER_TAGS: [&str; 6] = ["VIP", "b2b", "été", "loyal & kind", "newsletter", "wholesale"];

/// What an order can be tagged with.
pub const ORDER_TAGS: [&str; 5] = ["express", "fragile", "gift", "pickup", "zoll & mwst"];

/// Notes of customers and orders.
pub const NOTES: [&str; 6] = [
    "This customer loves ice cream",
    "Bitte an der Hintertür klingeln & warten",
    "Call before 9 | not after",
    "Cadeau \"surprise\" 🎁",
    "Leave it < at the gate >",
    "second order\nafter a return",
];
