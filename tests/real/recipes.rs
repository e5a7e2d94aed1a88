//! A recipe of docs/recipes.md whose program needs no package. `scripts/test real-apps` deploys the others too.

use crate::life::{GO, GO_SOCKET};

#[test]
fn a_go_program_is_deployed_and_rolled_back_as_its_recipe_says() {
    GO.lives();
}

#[test]
fn a_go_program_on_a_socket_of_systemd_is_deployed_and_rolled_back_as_its_recipe_says() {
    GO_SOCKET.lives();
}
