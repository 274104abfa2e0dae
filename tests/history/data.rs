//! Where the opportunities come from: the real data set where it lies on this
//! machine, else a made-up file of the same shape and size.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;
use touchline::history::History;
use touchline::history::import::{Imported, import};
use touchline::history::mapping::Mapping;

/// Names the folder with `crm-sales/`. Not `TOUCHLINE_…`: those are settings, and
/// the program refuses one that it does not know.
const VARIABLE: &str = "REAL_DATA";
/// Where that folder lies beside this project when the variable is not set.
const BESIDE: &str = "../shared/data";

static TOLD: Once = Once::new();

/// Opportunities as a CSV.
pub struct Opportunities {
    pub folder: PathBuf,
    pub real: bool,
    _made: Option<TempDir>,
}

impl Opportunities {
    pub fn find() -> Opportunities {
        #[expect(clippy::disallowed_methods, reason = "tests are told where the data lies")]
        let named = std::env::var_os(VARIABLE).map(PathBuf::from);
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join(BESIDE);
        let folder = named.unwrap_or(beside).join("crm-sales");
        if folder.join("sales_pipeline.csv").is_file() {
            return Opportunities { folder, real: true, _made: None };
        }
        TOLD.call_once(|| {
            // Past the capture of the test's own output, so that it is seen.
            let told = writeln!(
                std::io::stderr(),
                "the real-data part did not run: {} is not there; a made-up file of the same shape is used\n\
                 hint: set {VARIABLE} to a folder with crm-sales/",
                folder.display()
            );
            told.unwrap();
        });
        let made = tempfile::tempdir().unwrap();
        std::fs::write(made.path().join("sales_pipeline.csv"), made_up_pipeline()).unwrap();
        std::fs::write(made.path().join("sales_teams.csv"), made_up_teams()).unwrap();
        Opportunities { folder: made.path().to_owned(), real: false, _made: Some(made) }
    }

    pub fn import(&self) -> Imported {
        let csv = std::fs::File::open(self.folder.join("sales_pipeline.csv")).unwrap();
        import(csv, &self.folder, &mapping()).unwrap()
    }

    pub fn history(&self) -> History {
        self.import().history
    }

    /// Rows by the stage column, counted without any code under test.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let text = std::fs::read_to_string(self.folder.join("sales_pipeline.csv")).unwrap();
        let mut counts = BTreeMap::new();
        for line in text.lines().skip(1) {
            let stage = line.split(',').nth(4).unwrap().to_lowercase();
            *counts.entry(stage).or_default() += 1;
        }
        counts
    }
}

/// The mapping that ships for the data set.
pub fn mapping() -> Mapping {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/history/crm-sales.mapping.toml");
    Mapping::read(&file).unwrap()
}

const SELLERS: usize = 35;
/// As many as the real file has, in the order in which a deal walks the stages.
const MADE_UP: [(&str, usize); 4] =
    [("Prospecting", 500), ("Engaging", 1_589), ("Won", 4_238), ("Lost", 2_473)];

pub fn made_up_pipeline() -> String {
    let mut csv = String::from(
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n",
    );
    let stages = MADE_UP.iter().flat_map(|(stage, count)| std::iter::repeat_n(*stage, *count));
    for (index, stage) in stages.enumerate() {
        // Days from 2016-10-20 on, without a calendar: months of 28 days.
        let date = |day: usize| {
            let month = 9 + day / 28;
            format!("{}/{}/{}", month % 12 + 1, day % 28 + 1, 2016 + month / 12)
        };
        let engaged = (index * 7) % 250;
        let (engage, close) = match stage {
            "Prospecting" => (String::new(), String::new()),
            "Engaging" => (date(engaged), String::new()),
            _ => (date(engaged), date(engaged + 1 + (index * 13) % 130)),
        };
        let value = match stage {
            "Won" => (index % 90 * 55 + 31).to_string(),
            "Lost" => "0".to_owned(),
            _ => String::new(),
        };
        let account = if stage == "Prospecting" { "" } else { "Acme Example" };
        let seller = index % SELLERS;
        writeln!(csv, "S{index:07},Seller {seller},Box,{account},{stage},{engage},{close},{value}")
            .unwrap();
    }
    csv
}

pub fn made_up_teams() -> String {
    let mut csv = String::from("sales_agent,manager,regional_office\n");
    for seller in 0..SELLERS {
        writeln!(csv, "Seller {seller},Lead {},Central", seller % 6).unwrap();
    }
    csv
}
