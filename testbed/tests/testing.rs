//! Builds and runs the tests of docs/TESTING.md in a project outside of this workspace, and
//! compares the failures that it shows with what the planted mistakes print.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use testbed::{Project, assert_block};

const TESTING: &str = include_str!("../../docs/TESTING.md");

fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    TESTING.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The project of the document, with its tests.
struct Shop {
    project: Project,
    program: String,
}

impl Shop {
    fn new() -> Self {
        let project = Project::new("shop", &["--lib"]).unwrap();
        for line in blocks("sh").concat().lines() {
            project.run(line).unwrap();
        }
        project.lock().unwrap();
        let [program, buy, shared] = blocks("rust")[..] else { unreachable!() };
        let [bought, declined] = blocks("trace")[..] else { unreachable!() };
        project.write("tests/buy.rs", buy).unwrap();
        project.write("tests/buy.trace", bought).unwrap();
        project.write("tests/shared.rs", shared).unwrap();
        let purchase = bought.replacen("[server]", "[server] (parent missing)", 1);
        project.write("tests/purchase.trace", &purchase).unwrap();
        project.write("tests/declined.trace", declined).unwrap();
        Shop { project, program: program.to_owned() }
    }

    /// Runs the tests of a file with this program: whether they pass, and what cargo printed.
    fn test(&self, file: &str, program: &str) -> (bool, String) {
        self.project.write("src/lib.rs", program).unwrap();
        let output = self.project.cargo(&["test", "--test", file]).unwrap();
        let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let text = printed(&output.stdout);
        assert!(text.contains("running "), "{}", printed(&output.stderr));
        let passes = output.status.success();
        let stderr = printed(&output.stderr);
        assert!(!(passes && stderr.contains("warning")), "{stderr}");
        (passes, text)
    }

    /// Fails unless the document shows what the test of `buy.rs` prints with this program.
    fn assert_failure_is_shown(&self, program: &str) {
        let (passes, printed) = self.test("buy", program);
        assert!(!passes, "{printed}");
        let (_, failure) = printed.split_once("---- a_purchase_is_traced stdout ----").unwrap();
        let (failure, _) = failure.split_once("\n\nfailures:").unwrap();
        // The line with the thread has its number, the last one is about a backtrace.
        let is_failure =
            |line: &&str| !line.starts_with("thread ") && !line.starts_with("note: run with");
        assert_block(TESTING, &failure.lines().filter(is_failure).collect::<Vec<_>>().join("\n"));
    }
}

/// Replaces a text that must be there.
fn with(program: &str, text: &str, other: &str) -> String {
    assert!(program.contains(text), "{text}");
    program.replace(text, other)
}

#[test]
fn the_tests_pass_and_fail_as_the_document_says() {
    let shop = Shop::new();
    shop.assert_failure_is_shown(&shop.program);

    let program = with(&shop.program, "amount: u32", "amount: i64");
    for file in ["buy", "shared"] {
        let (passes, printed) = shop.test(file, &program);
        assert!(passes, "{printed}");
    }

    let reserve = "reserve(\"A-1\");";
    let charge = "charge(&payments, 12).await";
    let spawned = "tokio::spawn(async move { charge(&payments, 12).await }).await.unwrap()";
    for (text, other) in [
        ("#[tracing::instrument]\nfn reserve", "fn reserve"),
        (charge, spawned),
        (reserve, &format!("{reserve}\n    {reserve}")[..]),
    ] {
        shop.assert_failure_is_shown(&with(&program, text, other));
    }

    let test = shop.project.read("tests/buy.rs").unwrap();
    let short = "(\"shop\").within(std::time::Duration::from_secs(1))";
    let unflushed = with(&test, "    provider.force_flush()?;\n", "");
    shop.project.write("tests/buy.rs", &unflushed.replace("(\"shop\")", short)).unwrap();
    shop.assert_failure_is_shown(&program);
    let misspelt = with(&test, "(\"shop\")", &short.replace("shop", "shpo"));
    shop.project.write("tests/buy.rs", &misspelt).unwrap();
    shop.assert_failure_is_shown(&program);
}
