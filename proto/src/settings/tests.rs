use super::*;
use crate::command_line::{program, tool};
use clap::Command;

const TABLE: &[Setting] = &[
    Setting::new("DEPTH", "3", "How deep"),
    Setting::unset("NAME", "What it is called"),
    Setting::secret("PASSWORD", "Kept"),
    Setting::connection("PLACE", "Where it is"),
    Setting::document("RULES", "What holds here"),
    Setting::secret("GATEWAY_SECRET", "Of the gateway"),
];

fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Settings {
    read_with_aws(arguments, variables, &[])
}

fn read_with_aws(arguments: &[&str], variables: &[(&str, &str)], aws: &[(&str, &str)]) -> Settings {
    let arguments = ["test"].into_iter().chain(arguments.iter().copied());
    let dive = tool(Command::new("dive"), &[TABLE], &["DEPTH", "PASSWORD", "PLACE"]);
    let flags = program("test", "A test", &[TABLE], vec![dive]).try_get_matches_from(arguments).unwrap();
    let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).into());
    let file = |path: &str| match path {
        "/there" => Ok("kept\n".to_owned()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    Settings::read(
        &[TABLE],
        &flags,
        &Source {
            variable: &variable,
            names: &variables.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>(),
            file: &file,
            is_shared: &|path| path == "/there",
            aws: &Aws(aws.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()),
        },
        &[("NAME", "own".into())],
    )
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_a_default() {
    assert_eq!(read(&[], &[]).text("DEPTH"), Some("3"));
    assert_eq!(read(&[], &[("DEPTH", "4")]).text("DEPTH"), Some("4"));
    assert_eq!(read(&["--depth", "5"], &[("DEPTH", "4")]).text("DEPTH"), Some("5"));
    assert_eq!(read(&[], &[("DEPTH", "")]).text("DEPTH"), Some("3"));
    assert_eq!(read(&[], &[]).text("NAME"), Some("own"));
}

#[test]
fn a_flag_may_stand_before_a_tool_and_behind_it_but_no_secret() {
    assert_eq!(read(&["--depth", "5", "dive"], &[]).text("DEPTH"), Some("5"));
    assert_eq!(read(&["--depth", "5", "dive", "--depth", "6"], &[]).text("DEPTH"), Some("6"));
    assert_eq!(read(&["dive", "--password-file", "/there"], &[]).text("PASSWORD"), Some("kept"));
    assert_eq!(read(&["dive"], &[("PASSWORD", "given")]).text("PASSWORD"), Some("given"));
    assert_eq!(read(&["--password", "shown"], &[]).finish(Some(())), Ok(()));
    let refused = read(&["--password", "shown", "dive"], &[]).finish(Some(())).unwrap_err().to_string();
    assert!(refused.contains("PASSWORD is no flag of a tool") && !refused.contains("shown"), "{refused}");
}

#[test]
fn a_tool_reads_only_what_it_takes() {
    let unreadable = [("GATEWAY_SECRET_FILE", "/nowhere"), ("NAME", "given"), ("DEPTH", "4")];
    let settings = read(&["dive"], &unreadable);
    assert_eq!((settings.text("DEPTH"), settings.text("NAME")), (Some("4"), None));
    assert!(settings.warnings().is_empty(), "it is a setting all the same");
    assert_eq!(settings.finish(Some(())), Ok(()));
    assert!(read(&[], &unreadable).finish(Some(())).is_err());
}

#[test]
fn a_secret_comes_from_its_file_without_the_newline() {
    assert_eq!(read(&[], &[("PASSWORD_FILE", "/there")]).text("PASSWORD"), Some("kept"));
    assert_eq!(read(&[], &[("PASSWORD", "given")]).text("PASSWORD"), Some("given"));
    let twice = read(&[], &[("PASSWORD", "given"), ("PASSWORD_FILE", "/there")]).finish(Some(())).unwrap_err();
    assert!(twice.to_string().contains("PASSWORD is given twice"));
}

#[test]
fn a_url_that_may_hold_a_password_comes_from_its_file_too_and_is_a_flag_of_tools_all_the_same() {
    assert_eq!(read(&[], &[("PLACE_FILE", "/there")]).text("PLACE"), Some("kept"));
    assert_eq!(read(&["dive", "--place-file", "/there"], &[]).text("PLACE"), Some("kept"));
    assert_eq!(read(&["dive", "--place", "here"], &[]).text("PLACE"), Some("here"));
    let twice = read(&["--place", "here"], &[("PLACE_FILE", "/there")]).finish(Some(())).unwrap_err();
    assert!(twice.to_string().contains("PLACE is given twice"));
}

#[test]
fn a_key_of_the_object_store_comes_from_its_file_too() {
    let files = [("AWS_REGION", "eu"), ("AWS_SECRET_ACCESS_KEY_FILE", "/there"), ("AWS_ACCESS_KEY_ID_FILE", "")];
    let read = read_with_aws(&[], &[], &files);
    let mut aws: Vec<_> = read.aws().0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    aws.sort_unstable();
    assert_eq!(aws, [("AWS_REGION", "eu"), ("AWS_SECRET_ACCESS_KEY", "kept")]);

    let twice = [("AWS_SECRET_ACCESS_KEY", "given"), ("AWS_SECRET_ACCESS_KEY_FILE", "/there")];
    let missing = [("AWS_SESSION_TOKEN_FILE", "/nowhere")];
    for (aws, why) in [
        (&twice[..], "AWS_SECRET_ACCESS_KEY is given twice, also by AWS_SECRET_ACCESS_KEY_FILE"),
        (&missing[..], "AWS_SESSION_TOKEN_FILE names a file that cannot be read"),
    ] {
        let refused = read_with_aws(&[], &[], aws).finish(Some(())).unwrap_err().to_string();
        assert!(refused.contains(why) && !refused.contains("kept"), "{refused}");
        assert_eq!(read_with_aws(&["dive"], &[], aws).finish(Some(())), Ok(()), "a tool that needs no storage");
    }
}

#[test]
fn a_misspelt_name_and_a_secret_that_others_may_read_are_warned_of() {
    let names = ["GATEWAY_SECRT", "GATEWAY_SECRET_FILE", "SIGNER_LISTEN", "PATH"];
    let variables: Vec<_> = names.iter().map(|name| (*name, "/there")).collect();
    let settings = read(&[], &variables);
    let [unknown, shared] = settings.warnings() else { panic!("{:?}", settings.warnings()) };
    assert!(unknown.starts_with("GATEWAY_SECRT is set and is no setting"), "{unknown}");
    assert!(shared.starts_with("GATEWAY_SECRET_FILE names a file that other accounts may read"), "{shared}");
}

#[test]
fn a_document_is_the_text_of_the_file_that_is_named() {
    assert_eq!(read(&[], &[("RULES", "/there")]).text("RULES"), Some("kept\n"));
    assert_eq!(read(&[], &[("RULES_FILE", "/there")]).text("RULES"), None);
    let missing = read(&[], &[("RULES", "/nowhere")]).finish(Some(())).unwrap_err();
    assert!(missing.to_string().contains("RULES names a file that cannot be read"));
}

#[test]
fn every_mistake_is_reported_and_no_value() {
    let mut settings = read(&[], &[("DEPTH", "deep-secret"), ("PASSWORD_FILE", "/nowhere")]);
    let depth: Option<u32> = settings.value("DEPTH", "a number");
    let other = settings.required("OTHER");
    let text = settings.finish(depth.zip(other)).unwrap_err().to_string();
    for part in ["DEPTH must be a number", "OTHER is required", "PASSWORD_FILE names a file"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("deep-secret"));
}

#[test]
fn bytes_take_binary_units() {
    assert_eq!(bytes("12"), Some(12));
    assert_eq!(bytes("5GiB"), Some(5 << 30));
    for bad in ["", "5GB", "-1", "1.5GiB", "99999999999GiB"] {
        assert_eq!(bytes(bad), None, "{bad}");
    }
}
