use llmnet_types::{codec::List, id::Digest, params::Params, signature::PublicKey};

use super::audited;
use crate::{
    MemoryState, query,
    record::{AUDITED_MAX, Audited},
    state::{Key, VALUE_LENGTH_MAX},
    work::{Signatures, Work},
};

fn operator(number: u32) -> PublicKey {
    PublicKey(Digest::of(&number.to_le_bytes()).0)
}

#[test]
fn pol_2_items_add_up_by_operator_and_on_a_full_list_the_fewest_make_room() {
    let state = MemoryState::default();
    let mut work = Work::new(
        &state,
        &Signatures::Checked,
        Params::local(),
        query::clock(&state),
    );
    let most = u32::try_from(AUDITED_MAX).expect("a small bound");
    for number in 0..most {
        audited(&mut work, &operator(number), 2);
    }
    audited(&mut work, &operator(7), 3);
    // As few as the fewest is not enough; more takes the place of the last that has the fewest.
    audited(&mut work, &operator(most), 1);
    audited(&mut work, &operator(most + 1), 9);
    let listed: Audited = work.read(&Key::Audited).unwrap_or_default();
    let items = |number: u32| {
        let known = listed.iter().find(|(known, _)| *known == operator(number));
        known.map(|(_, items)| *items)
    };
    assert_eq!(listed.len(), AUDITED_MAX);
    assert_eq!((items(0), items(7)), (Some(2), Some(5)));
    assert_eq!((items(most - 1), items(most)), (None, None));
    assert_eq!(items(most + 1), Some(9));
    let bytes = llmnet_types::codec::encode(&List::<_, AUDITED_MAX>::truncated(listed.to_vec()));
    assert!(bytes.len() < VALUE_LENGTH_MAX);
}
