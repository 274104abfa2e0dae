//! Damage to texts: bytes, words, lines, indentation, structure, anchors, deep
//! nesting, strange letters and enormous numbers.

/// Numbers that follow from a seed: SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What may stand where a value is wanted.
const VALUES: [&str; 34] = [
    "",
    "null",
    "~",
    "true",
    "no",
    "0",
    "-1",
    "1e999",
    ".nan",
    "-.inf",
    "0x7fffffffffffffff",
    "9999999999999999999999999999",
    "1_000",
    "12:30",
    "2026-02-30",
    "9999-12-31T23:59:59Z",
    "-9999999d",
    "3650bd",
    "[]",
    "{}",
    "[[[[]]]]",
    "{ a: { b: { c: d } } }",
    "|",
    ">-",
    "|9",
    "&a",
    "*a",
    "&a [*a]",
    "!!binary aGk=",
    "!custom x",
    "<<: *a",
    "'",
    "\"\\u0000\"",
    "---",
];
/// Words of rule files and conditions.
const WORDS: [&str; 48] = [
    "pack",
    "rules",
    "id",
    "on",
    "when",
    "unless",
    "threshold",
    "tip",
    "tests",
    "given",
    "then",
    "expect",
    "fires",
    "wait",
    "set",
    "state",
    "deal.created",
    "deal.closed",
    "deal.amount",
    "deal.stage",
    "deal.close_date",
    "change.days",
    "change.from",
    "nudge.sent_at",
    "now",
    "threshold",
    "has",
    "size",
    "days_since",
    "business_days_since",
    "days_until",
    "contains",
    "in",
    "true",
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    ">=",
    "(",
    ")",
    "[",
    "]",
    "{{ deal.name }}",
    "{% if deal.amount %}",
    "{% for x in y %}",
];
/// Letters that texts are not made for.
const LETTERS: [&str; 18] = [
    "\u{feff}",
    "\u{0}",
    "\r",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{200b}",
    "é",
    "e\u{301}",
    "日本語",
    "🦀",
    "\u{10ffff}",
    "\t",
    "\u{7f}",
    "\u{1b}[31m",
    "“",
    "\\",
    "\u{fffd}",
];

/// A rule file or lesson after one to three kinds of damage.
pub(super) fn file(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.below(3) {
        text = match dice.below(12) {
            0 => bytes(&text, dice),
            1 => words(&text, dice),
            2 => lines(&text, dice),
            3 => indentation(&text, dice),
            4 | 5 => values(&text, dice),
            6 => anchors(&text, dice),
            7 => nesting(&text, dice),
            8 => insert(&text, dice, dice_letters),
            9 => numbers(&text, dice),
            10 => cut(&text, dice),
            _ => keys(&text, dice),
        };
    }
    text
}

/// A condition after one to three kinds of damage.
pub(super) fn condition(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.below(3) {
        text = match dice.below(9) {
            0 => bytes(&text, dice),
            1 | 2 => words(&text, dice),
            3 => insert(&text, dice, dice_letters),
            4 => numbers(&text, dice),
            5 => cut(&text, dice),
            6 => {
                let (open, close) =
                    *dice.pick(&[("(", ")"), ("!(", ")"), ("-", ""), ("true ? ", " : false")]);
                let times = *dice.pick(&[1, 3, 60, 64, 70, 2_000]);
                format!("{}{text}{}", open.repeat(times), close.repeat(times))
            }
            7 => {
                let joint = *dice.pick(&[" && ", " || ", " == ", " ? true : "]);
                vec![text; *dice.pick(&[2, 3, 9, 60])].join(joint)
            }
            _ => insert(&text, dice, |dice| dice.pick::<&str>(&WORDS)),
        };
    }
    text
}

fn dice_letters(dice: &mut Dice) -> &'static str {
    dice.pick::<&str>(&LETTERS)
}

fn bytes(text: &str, dice: &mut Dice) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.below(8) {
        let at = dice.below(bytes.len() + 1);
        let byte = dice.next().to_le_bytes()[0];
        match dice.below(3) {
            0 => bytes.insert(at, byte),
            1 if at < bytes.len() => bytes[at] = byte,
            _ if at < bytes.len() => _ = bytes.remove(at),
            _ => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A place between two characters.
fn place(text: &str, dice: &mut Dice) -> usize {
    let letters = text.chars().count();
    let at = dice.below(letters + 1);
    text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte)
}

fn insert(text: &str, dice: &mut Dice, what: impl Fn(&mut Dice) -> &'static str) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.below(3) {
        let at = place(&text, dice);
        text.insert_str(at, what(dice));
    }
    text
}

/// Takes words out, doubles them or puts others in their place.
fn words(text: &str, dice: &mut Dice) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for _ in 0..=dice.below(4) {
        let at = dice.below(words.len());
        let other = (*dice.pick(&WORDS)).to_owned();
        match dice.below(4) {
            0 => words[at].clear(),
            1 => words[at] = format!("{0} {0}", words[at]),
            2 => words[at] = other,
            _ => {
                let with = dice.below(words.len());
                words.swap(at, with);
            }
        }
    }
    words.join(" ")
}

fn lines(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    for _ in 0..=dice.below(4) {
        let at = dice.below(lines.len());
        match dice.below(4) {
            _ if lines.is_empty() => {}
            0 => _ = lines.remove(at),
            1 => lines.insert(at, lines[at]),
            2 => lines.truncate(at + 1),
            _ => {
                let with = dice.below(lines.len());
                lines.swap(at, with);
            }
        }
    }
    lines.join(*dice.pick(&["\n", "\n", "\r\n", "\r"]))
}

fn indentation(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=dice.below(6) {
        let at = dice.below(lines.len());
        let Some(line) = lines.get_mut(at) else { break };
        match dice.below(3) {
            0 => *line = format!("{}{line}", " ".repeat(1 + dice.below(4))),
            1 => *line = line.chars().skip(1 + dice.below(3)).collect(),
            _ => *line = line.replacen("  ", "\t", 1),
        }
    }
    lines.join("\n")
}

/// Puts other values behind keys.
fn values(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(lines.len());
        if let Some(line) = lines.get_mut(at)
            && let Some((key, _)) = line.split_once(": ")
        {
            *line = format!("{key}: {}", dice.pick(&VALUES));
        }
    }
    lines.join("\n")
}

/// Misspells keys and turns values into keys.
fn keys(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(lines.len());
        let Some(line) = lines.get_mut(at) else { break };
        match dice.below(3) {
            0 => *line = line.replacen(": ", ":", 1),
            1 => *line = line.replacen(": ", "s: ", 1),
            _ => line.push_str(": x"),
        }
    }
    lines.join("\n")
}

/// Anchors, and aliases that would grow to billions of nodes.
fn anchors(text: &str, dice: &mut Dice) -> String {
    let levels = 2 + dice.below(40);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..levels {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb += &format!("a{level}: &a{level} [{below}]\n");
    }
    match dice.below(3) {
        0 => format!("{bomb}{text}"),
        1 => format!("{text}{bomb}"),
        _ => text.replacen("  - id", "  - &rule\n    id", 1) + "\n  - *rule\n  - <<: *rule\n",
    }
}

fn nesting(text: &str, dice: &mut Dice) -> String {
    let times = *dice.pick(&[3, 31, 32, 33, 200, 20_000]);
    let at = place(text, dice);
    let (before, after) = text.split_at(at);
    match dice.below(4) {
        0 => format!("{before}{}{after}", "[".repeat(times)),
        1 => format!("{before}{}{}{after}", "{a: ".repeat(times), "}".repeat(times)),
        2 => format!("{before}\n{}x{after}", "- ".repeat(times)),
        _ => {
            let steps = (0..times.min(400)).map(|depth| format!("{}k:\n", " ".repeat(depth)));
            format!("{before}\n{}{after}", steps.collect::<String>())
        }
    }
}

/// Makes numbers enormous, tiny or no numbers.
fn numbers(text: &str, dice: &mut Dice) -> String {
    let digits: Vec<usize> =
        text.char_indices().filter(|(_, letter)| letter.is_ascii_digit()).map(|it| it.0).collect();
    if digits.is_empty() {
        return text.to_owned();
    }
    let at = *dice.pick(&digits);
    let (before, after) = text.split_at(at);
    let many = "9".repeat(*dice.pick(&[3, 20, 400, 5_000]));
    let number = match dice.below(4) {
        0 => many,
        1 => format!("0.{many}"),
        2 => "1e308".to_owned(),
        _ => format!("-{many}"),
    };
    format!("{before}{number}{}", &after[1..])
}

fn cut(text: &str, dice: &mut Dice) -> String {
    let (a, b) = (place(text, dice), place(text, dice));
    match dice.below(3) {
        0 => text[..a].to_owned(),
        1 => text[a..].to_owned(),
        _ => format!("{}{}", &text[..a.min(b)], &text[a.max(b)..]),
    }
}
