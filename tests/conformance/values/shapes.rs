//! Values of many shapes, generated from a seed.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use rpc_core::{Map, Value};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use url::Url;
use uuid::Uuid;

use crate::support::seeded_rng::SeededRng;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Unit;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Color {
    Red,
    Blue,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum External {
    Unit,
    Newtype(Box<Shape>),
    Tuple(u8, String),
    Struct { shape: Box<Shape>, color: Color },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Internal {
    Unit,
    Joined { peer: IpAddr, at: DateTime<Utc>, bytes: ByteBuf, ratio: f64, note: Option<char> },
    Inner(Inner),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "content")]
pub(super) enum Adjacent {
    Unit,
    Id(Uuid),
    Pair(SocketAddr, f32),
    Struct { url: Url, numbers: Vec<i64> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Untagged {
    Flag(bool),
    Whole(u64),
    Negative(i64),
    Ip(IpAddr),
    Text(String),
    Bytes(ByteBuf),
    Struct { color: Color, unit: Unit },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Flat {
    id: Uuid,
    wide: u128,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    maybe: Option<Maybe>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Inner {
    day: NaiveDate,
    #[serde(default)]
    count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Url>,
    #[serde(skip)]
    skipped: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Maybe {
    via: Ipv6Addr,
}

/// A value of any of these shapes. Types that serde reads through a buffer contain neither integers of 128 bits nor maps
/// whose keys are not text: `docs/SEMANTICS.md` has the exception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Shape {
    Nothing,
    Units((), Unit, bool, char),
    Options(Option<Option<u8>>, Option<()>, Option<Unit>, Option<Value>),
    Small(i8, i16, i32, u8, u16, u32),
    Large(i64, u64, i128, u128),
    Floats(f32, f64),
    Text(String),
    Bytes(ByteBuf, Vec<u8>, [u8; 3]),
    List(Vec<Shape>),
    Boxed(Option<Box<Shape>>),
    Maps {
        text: BTreeMap<String, Shape>,
        signed: BTreeMap<i64, u8>,
        unsigned: BTreeMap<u64, Option<bool>>,
        wide: BTreeMap<u128, ()>,
        flags: BTreeMap<bool, Color>,
        chars: BTreeMap<char, i8>,
        colors: BTreeMap<Color, Unit>,
        addresses: BTreeMap<IpAddr, u8>,
    },
    External(External),
    Internal(Internal),
    Adjacent(Adjacent),
    Untagged(Untagged),
    Flat(Flat),
    Net(IpAddr, SocketAddr),
    Time(DateTime<Utc>, NaiveDate, Duration),
    Id(Uuid, Url),
    Any(Value),
}

/// Generates shapes.
pub(super) struct Generator(pub(super) SeededRng);

impl Generator {
    fn number(&mut self) -> u64 {
        let edges =
            [0, 1, 127, 128, 255, 256, 1 << 31, 1 << 32, 1 << 53, i64::MAX as u64, u64::MAX];
        if self.0.percent(50) { self.0.pick(&edges) } else { self.0.seed() }
    }

    fn wide(&mut self) -> u128 {
        let number = u128::from(self.number());
        if self.0.percent(4) { number << 64 | 1 << 64 } else { number }
    }

    fn float(&mut self) -> f64 {
        let edges = [0.0, -0.0, 1.0, 0.1, -1.5, 1e300, f64::MIN_POSITIVE, f64::MAX, 5e-324];
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        if self.0.percent(4) {
            return self.0.pick(&odd);
        }
        let any = f64::from_bits(self.0.seed());
        if self.0.percent(50) || !any.is_finite() { self.0.pick(&edges) } else { any }
    }

    fn text(&mut self) -> String {
        let parts = ["", "a", "7", "null", "true", "ß\"\\", "\u{0}\u{3}", "127.0.0.1", "𝄞", "-1.5"];
        (0..self.0.below(3)).map(|_| self.0.pick(&parts)).collect()
    }

    fn bytes(&mut self) -> ByteBuf {
        if self.0.percent(50) {
            return self.text().into_bytes().into();
        }
        (0..self.0.below(40)).map(|_| self.0.seed() as u8).collect::<Vec<_>>().into()
    }

    fn ip(&mut self) -> IpAddr {
        let bits = self.0.seed();
        if self.0.percent(50) {
            IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << 64 | 1))
        }
    }

    fn time(&mut self) -> DateTime<Utc> {
        let seconds = self.0.below(4_000_000_000) as i64 - 2_000_000_000;
        DateTime::from_timestamp(seconds, self.0.below(1_000_000_000) as u32).unwrap()
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.0.seed(), self.0.seed())
    }

    fn url(&mut self) -> Url {
        Url::parse(&format!("https://example.com/{}?q=%20", self.number())).unwrap()
    }

    fn some<T>(&mut self, value: T) -> Option<T> {
        self.0.percent(60).then_some(value)
    }

    fn color(&mut self) -> Color {
        if self.0.percent(50) { Color::Red } else { Color::Blue }
    }

    fn flat(&mut self) -> Flat {
        let (link, via) = (self.url(), Maybe { via: Ipv6Addr::LOCALHOST });
        let inner = Inner {
            day: self.time().date_naive(),
            count: self.number() as u32,
            link: self.some(link),
            skipped: 0,
        };
        Flat { id: self.uuid(), wide: self.number().into(), inner, maybe: self.some(via) }
    }

    /// Returns a value without bytes, which JSON does not have.
    fn any(&mut self, depth: usize) -> Value {
        match self.0.below(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => self.0.percent(50).into(),
            2 => self.number().into(),
            3 => self.float().into(),
            4 => self.text().into(),
            5 => (0..self.0.below(4)).map(|_| self.any(depth - 1)).collect::<Vec<_>>().into(),
            _ => {
                let entries = (0..self.0.below(4)).map(|_| (self.text(), self.any(depth - 1)));
                Map::from_iter(entries.collect::<Vec<_>>()).into()
            }
        }
    }

    fn options(&mut self) -> Shape {
        let (number, value) = (self.number() as u8, self.any(1));
        let nested = if self.0.percent(10) { Some(None) } else { self.some(Some(number)) };
        let unit = self.0.percent(10).then_some(());
        let unit_struct = self.0.percent(10).then_some(Unit);
        Shape::Options(nested, unit, unit_struct, self.some(value))
    }

    fn maps(&mut self, depth: usize) -> Shape {
        Shape::Maps {
            text: (0..self.0.below(3)).map(|_| (self.text(), self.shape(depth))).collect(),
            signed: (0..3).map(|key| (self.number() as i64, key)).collect(),
            unsigned: (0..3).map(|_| (self.number(), self.some(true))).collect(),
            wide: (0..2).map(|_| (self.number().into(), ())).collect(),
            flags: BTreeMap::from([(self.0.percent(50), self.color())]),
            chars: BTreeMap::from([('ß', 1), ('7', self.number() as i8)]),
            colors: BTreeMap::from([(self.color(), Unit)]),
            addresses: BTreeMap::from([(self.ip(), 7)]),
        }
    }

    fn external(&mut self, depth: usize) -> External {
        match self.0.below(4) {
            0 => External::Unit,
            1 => External::Newtype(Box::new(self.shape(depth))),
            2 => External::Tuple(self.number() as u8, self.text()),
            _ => External::Struct { shape: Box::new(self.shape(depth)), color: self.color() },
        }
    }

    fn internal(&mut self) -> Internal {
        match self.0.below(3) {
            0 => Internal::Unit,
            1 => Internal::Inner(self.flat().inner),
            _ => Internal::Joined {
                peer: self.ip(),
                at: self.time(),
                bytes: self.bytes(),
                ratio: self.float(),
                note: self.some('𝄞'),
            },
        }
    }

    fn adjacent(&mut self) -> Adjacent {
        match self.0.below(4) {
            0 => Adjacent::Unit,
            1 => Adjacent::Id(self.uuid()),
            2 => Adjacent::Pair((self.ip(), self.number() as u16).into(), self.float() as f32),
            _ => Adjacent::Struct { url: self.url(), numbers: vec![self.number() as i64] },
        }
    }

    fn untagged(&mut self) -> Untagged {
        match self.0.below(7) {
            0 => Untagged::Flag(self.0.percent(50)),
            1 => Untagged::Whole(self.number()),
            2 => Untagged::Negative(-1 - (self.number() >> 1) as i64),
            3 => Untagged::Ip(self.ip()),
            4 => Untagged::Text(format!("text {}", self.text())),
            5 => Untagged::Bytes(self.bytes()),
            _ => Untagged::Struct { color: self.color(), unit: Unit },
        }
    }

    /// Returns a shape that contains others to this depth.
    pub(super) fn shape(&mut self, depth: usize) -> Shape {
        let inner = depth.saturating_sub(1);
        match self.0.below(if depth == 0 { 15 } else { 19 }) {
            0 => Shape::Nothing,
            1 => Shape::Units((), Unit, self.0.percent(50), self.0.pick(&['a', 'ß', '"', '\0'])),
            2 => self.options(),
            3 => {
                let n = self.number();
                Shape::Small(n as i8, n as i16, n as i32, n as u8, n as u16, n as u32)
            }
            4 => {
                let wide = self.wide();
                Shape::Large(wide as i64, self.number(), wide as i128 - 7, self.wide())
            }
            5 => Shape::Floats(self.float() as f32, self.float()),
            6 => Shape::Text(self.text()),
            7 => Shape::Bytes(self.bytes(), self.bytes().into_vec(), [self.number() as u8; 3]),
            8 => Shape::Internal(self.internal()),
            9 => Shape::Adjacent(self.adjacent()),
            10 => Shape::Untagged(self.untagged()),
            11 => Shape::Flat(self.flat()),
            12 => Shape::Net(self.ip(), (self.ip(), 7).into()),
            13 => Shape::Time(
                self.time(),
                self.time().date_naive(),
                Duration::from_nanos(self.number()),
            ),
            14 => Shape::Id(self.uuid(), self.url()),
            15 => Shape::List((0..self.0.below(4)).map(|_| self.shape(inner)).collect()),
            16 => {
                let boxed = Box::new(self.shape(inner));
                Shape::Boxed(self.some(boxed))
            }
            17 => self.maps(inner),
            _ if self.0.percent(50) => Shape::Any(self.any(2)),
            _ => Shape::External(self.external(inner)),
        }
    }
}
