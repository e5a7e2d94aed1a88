//! The commands that deploy nothing.

use crate::app::App;
use crate::server::Server;

#[test]
fn what_was_live_is_listed_and_restored() {
    let server = Server::up();
    let (one, two) = (App::version("1"), App::version("2"));
    let first = server.deploy_well(&one, None);
    let second = server.deploy_well(&two, Some(&first));

    let run = server.deployment(&two).without("source").input("command", "rollback").run();
    assert_eq!((run.code, run.outputs["outcome"].as_str()), (0, "restored"), "{}", run.log);
    run.assert_says(&format!("restored: {first} is live and healthy"));
    server.assert_live(&first, "1", Some(&second));

    let run = server.deployment(&two).without("source").input("command", "releases").run();
    assert_eq!((run.code, run.outputs["finished"].as_str()), (0, "true"), "{}", run.log);
    run.assert_says(&format!("{first}  good   current"));
    run.assert_says(&format!("{second}  good   previous"));
}
