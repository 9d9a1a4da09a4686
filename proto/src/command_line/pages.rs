//! Manual pages, as man(7) has them: what clap_mangen makes of the arguments, and the text behind the help in sections.

use clap::{Command, builder::Resettable};
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

/// How a paragraph of that text begins, and the section that it is in a page.
const SECTIONS: [(&str, &str); 2] = [("Examples:", "EXAMPLES"), ("Exit codes:", "EXIT STATUS")];
/// The section of all others.
const NOTES: &str = "NOTES";

/// The page of a program, or of one of its tools. `None`: there is no such tool.
pub(super) fn page(mut program: Command, tool: Option<&str>) -> Option<String> {
    // Names a tool as its user does: `gateway sign`.
    program.build();
    let program_name = program.get_name().to_owned();
    let command = match tool {
        Some(name) => program.find_subcommand(name)?.clone(),
        None => program,
    };
    let source = format!("{program_name} {}", env!("CARGO_PKG_VERSION"));
    let behind = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut page = Vec::new();
    let man = Man::new(command.after_help(Resettable::Reset)).source(source).manual("T2M files");
    man.render(&mut page).ok()?;
    // Without a date, so that a page is the same whenever it is made; its place has to be held all the same.
    let page = String::from_utf8(page).ok()?.replacen(" 1  \"", " 1 \"\" \"", 1);
    Some(page + &sections(&behind))
}

fn sections(text: &str) -> String {
    let (mut roff, mut current) = (Roff::new(), "");
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let named = SECTIONS.iter().find_map(|(begins, name)| Some((*name, paragraph.strip_prefix(begins)?)));
        let (name, lines) = named.unwrap_or((NOTES, paragraph));
        if name == current {
            roff.control("PP", []);
        } else {
            roff.control("SH", [name]);
        }
        current = name;
        write_lines(&mut roff, lines);
    }
    roff.to_roff()
}

/// Lines that are indented stay as they are; the others flow.
fn write_lines(roff: &mut Roff, lines: &str) {
    let mut is_kept = false;
    for line in lines.lines().filter(|line| !line.is_empty()) {
        if line.starts_with(' ') != is_kept {
            is_kept = !is_kept;
            roff.control(if is_kept { "nf" } else { "fi" }, []);
        }
        roff.text([roman(line)]);
    }
    if is_kept {
        roff.control("fi", []);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn boat() -> Command {
        let dive = Command::new("dive").about("Goes down").arg(Arg::new("deep").long("deep").help(".leading dot"));
        let behind = "Slowly, and only\nwhere it is safe:\n  rock  no\n  sand  yes\n\nExamples:\n  boat dive\n\nExit codes:\n  0  down";
        Command::new("boat").about("A boat").version("1").subcommand(dive.after_help(behind))
    }

    #[test]
    fn a_program_has_a_page_that_names_its_tools() {
        let page = page(boat(), None).unwrap();
        assert!(
            page.contains(".TH boat 1 \"\" \"boat ") && page.contains("T2M files") && page.contains("boat\\-dive"),
            "{page}"
        );
    }

    #[test]
    fn a_tool_has_a_page_with_examples_and_exit_codes_in_sections() {
        let page = page(boat(), Some("dive")).unwrap();
        for part in [
            ".TH boat-dive 1",
            ".SH NOTES\nSlowly, and only\nwhere it is safe:\n.nf\n  rock  no\n  sand  yes\n.fi\n",
            ".SH EXAMPLES\n.nf\n  boat dive\n.fi\n",
            ".SH \"EXIT STATUS\"\n.nf\n  0  down\n.fi\n",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(!page.lines().any(|line| line.starts_with(".leading")), "{page}");
        assert!(super::page(boat(), Some("fly")).is_none());
    }
}
