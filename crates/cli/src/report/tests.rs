//! Whole pages: well formed, escaped, free of non-finite numbers, the same every time.

use super::fixture::{learned, moons, paired, sphere, unsupported};
use super::{PairedRow, ReportInput, SideBySide, compare_html, html};

const VOID: [&str; 4] = ["meta", "br", "img", "input"];

fn side_by_side(inputs: &[ReportInput], paired: &[PairedRow]) -> String {
    let folders: Vec<String> = (0..inputs.len()).map(|i| format!("folder-{i}")).collect();
    compare_html(&SideBySide { inputs, folders: &folders, paired, note: None }).unwrap()
}

/// Checks that every element is closed in order and every attribute quoted.
fn assert_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let end = tag_end(rest);
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "unexpected </{name}>");
            continue;
        }
        let name = tag.split(|c: char| c.is_whitespace()).next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "odd tag {tag:?}");
        if name == "style" {
            rest = &rest[rest.find("</style>").expect("an end of the style")..];
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

/// Position of the `>` that ends a tag, skipping quoted attributes.
fn tag_end(text: &str) -> usize {
    let mut quoted = false;
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return i,
            _ => {}
        }
    }
    panic!("a tag without end: {}", &text[..text.len().min(80)]);
}

fn assert_finite(page: &str) {
    for word in page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        let bare = word.trim_start_matches('-').to_ascii_lowercase();
        assert!(bare != "nan" && bare != "inf" && bare != "infinity", "a non-finite number in the page");
    }
}

#[test]
fn pages_are_complete_and_well_formed() {
    for (page, parts) in [
        (
            html(&moons("moons", 400, 0.04).input()).unwrap(),
            ["Where samples land", "Paths from noise", "Density under a constant error", "Footing"],
        ),
        (
            html(&learned(300).input()).unwrap(),
            ["The difference to &lt;other&gt;", "round-int8: g_N ‖e‖", "to first order", "budget: g_N"],
        ),
        (
            html(&sphere(300).input()).unwrap(),
            ["principal axis 3 of the support", "Leading vectors", "Growth along", "Off the support"],
        ),
        (
            html(&unsupported(1).input()).unwrap(),
            ["Cannot say", "Log growth by vector", "No support", "Definitions"],
        ),
        (
            html(&unsupported(5).input()).unwrap(),
            ["of the samples", "Score cosine", "How far errors", "Convergence"],
        ),
    ] {
        assert_well_formed(&page);
        assert_finite(&page);
        for part in parts {
            assert!(page.contains(part), "no {part:?}");
        }
        for reference in ["http://", "https://", "<script", "src="] {
            assert!(!page.contains(reference), "the page reaches outside: {reference}");
        }
    }
}

#[test]
fn one_sample_is_enough() {
    for run in [moons("one", 1, 0.04), sphere(1), learned(1)] {
        let page = html(&run.input()).unwrap();
        assert_well_formed(&page);
        assert_finite(&page);
    }
}

#[test]
fn names_are_escaped() {
    let hostile = r#"</style><script>alert("x")</script><img src=x onerror='y'>&amp;"#;
    let run = moons(hostile, 50, 0.04);
    let page = html(&run.input()).unwrap();
    let both = side_by_side(&[run.input(), run.input()], &paired(hostile, hostile));
    for page in [page, both] {
        assert_well_formed(&page);
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert!(page.contains("&lt;script&gt;"));
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let run = moons("moons", 200, 0.04);
    assert_eq!(html(&run.input()).unwrap(), html(&moons("moons", 200, 0.04).input()).unwrap());
    let pairs = paired("a", "b");
    let both = || side_by_side(&[run.input(), run.input()], &pairs);
    assert_eq!(both(), both());
}

#[test]
fn columns_that_are_not_finite_are_refused() {
    let mut run = moons("moons", 50, 0.04);
    run.spoil("distance");
    let message = html(&run.input()).unwrap_err().to_string();
    assert!(message.contains("distance") && message.contains("finite"), "{message}");
}

#[test]
fn large_runs_stay_small_files() {
    let page = html(&moons("moons", 40_000, 0.04).input()).unwrap();
    assert!(page.len() < 2_500_000, "{} bytes", page.len());
}

#[test]
fn comparisons_are_well_formed() {
    let runs = [moons("first", 300, 0.03), moons("second", 300, 0.08), moons("third", 300, 0.2)];
    let inputs: Vec<_> = runs.iter().map(|run| run.input()).collect();
    let page = side_by_side(&inputs, &paired("first", "second"));
    assert_well_formed(&page);
    assert_finite(&page);
}

/// Writes the fixtures to the folder named by SUREFOOT_REPORT_PREVIEW, to be looked at in a browser.
#[test]
fn previews_are_written_where_asked() {
    let Some(folder) = std::env::var_os("SUREFOOT_REPORT_PREVIEW").map(std::path::PathBuf::from) else {
        return;
    };
    let write = |name: &str, page: String| std::fs::write(folder.join(name), page).unwrap();
    write("moons.html", html(&moons("two-moons-sgm", 2000, 0.04).input()).unwrap());
    write("sphere.html", html(&sphere(1000).input()).unwrap());
    write("line.html", html(&unsupported(1).input()).unwrap());
    let runs = [
        moons("moons-otcfm", 1000, 0.03),
        moons("moons-cfm", 1000, 0.06),
        moons("moons-si", 1000, 0.12),
        moons("two-moons-sgm", 1000, 0.02),
    ];
    let inputs: Vec<_> = runs.iter().map(|run| run.input()).collect();
    write("compare.html", side_by_side(&inputs, &paired("moons-otcfm", "moons-cfm")));
}
