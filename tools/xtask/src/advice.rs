//! Advice for each error code: what a developer does about it, for docs/errors.md and the pages that `type` leads to. A code
//! without a sentence of its own gets the one of its status.

/// Sentences of single codes.
const OF_CODES: &[(&str, &str)] = &[
    ("address_missing", "Give the cart a shipping address first (`PATCH /api/v1/carts/{id}`)."),
    ("bad_host", "Send one `Host` that is a name or an address, without a user."),
    ("bad_path", "Send the path in its normal form, without `.`, `..`, backslashes and zero bytes."),
    ("body_too_large", "Send less: a body has at most 64 KiB unless the call says otherwise."),
    ("body_too_slow", "Send the whole body within 30 seconds."),
    ("card_number_refused", "Never send card numbers: let the payment provider make a token of one, and send that."),
    ("cart_bought", "Show the buyer the order that `data` names: this cart is paid already."),
    ("cart_busy", "Others are changing this cart at the same time: wait a moment, then send the same again."),
    ("cart_changed", "Read the cart, show the buyer what changed, and check out again when they agree."),
    ("cart_full", "Remove a line first; a cart has at most 100 different products."),
    ("cart_incomplete", "Add what `data` names, then check out again."),
    ("cart_too_large", "Take something out of the cart: payments take at most 10,000,000,000.00 at once."),
    ("checkout_abandoned", "The buyer gave the payment up: check out again under a new key."),
    ("checkout_in_progress", "Go on with the order that `data` names, give it up, or wait for it."),
    ("checkout_needs_attention", "Do not repeat it: the shop's staff looks after this order."),
    ("coupon_below_use", "Remove the coupon, or put more into the cart."),
    ("coupon_expired", "Remove the coupon from the cart."),
    ("coupon_minimum", "Remove the coupon, or put more into the cart."),
    ("coupon_unknown", "Check the spelling of the coupon, or remove it."),
    ("coupon_used_up", "Remove the coupon from the cart."),
    ("deadline_exceeded", "It may have happened: read first, or repeat with the same `Idempotency-Key`."),
    ("email_taken", "Sign in instead, or register another address."),
    ("expected_total_required", "Send `cart_version` and `expected_total` as the buyer was shown them."),
    ("idempotency_key_in_use", "The first call under this key has not ended: wait, then send the same again."),
    ("idempotency_key_required", "Send an `Idempotency-Key` header: a new random UUID for each purchase."),
    ("idempotency_key_reused", "Use a new key for another request; a key belongs to the request that came first."),
    ("invalid_address", "Correct the fields that `errors` points at."),
    ("invalid_idempotency_key", "Send 1 to 255 visible ASCII characters, best a random UUID."),
    ("invalid_query", "Correct the query parameters that `errors` points at."),
    ("invalid_request", "Correct the fields of the body that `errors` points at."),
    ("invalid_token", "The access token is wrong or over: get a new one with the refresh token, or sign in again."),
    ("link_invalid", "Ask for a new link: each is good for one use, and not for long."),
    ("malformed_json", "Send well-formed JSON in UTF-8, in which every name of an object stands once."),
    ("method_not_allowed", "Use one of the methods that the `Allow` header names."),
    ("not_found", "Check the address. What belongs to somebody else is not found either."),
    ("not_signed_in", "Sign in, and send the access token as `Authorization: Bearer <token>`."),
    ("out_of_stock", "Take less of what `data` names, or remove it."),
    ("payment_declined", "Ask the buyer for another means of payment, and check out again under a new key."),
    ("payment_not_completed", "The buyer did not finish at the provider: check out again under a new key."),
    ("payment_token_unknown", "Have the payment provider make a new token, and send that."),
    ("precondition_failed", "Read it again, and decide anew with its present `ETag`."),
    ("refresh_token_invalid", "Sign in again. A refresh token can be spent once, and is over after 30 days."),
    ("storage_full", "Nothing happened: the shop's disk is full. Try again later."),
    ("too_many_addresses", "Remove a stored address first; an account has at most 20."),
    ("too_many_requests", "Wait for the seconds that `Retry-After` says; `RateLimit` tells beforehand what is left."),
    ("too_many_tries", "Wait for the seconds that `Retry-After` says before the next try to sign in."),
    ("too_many_unpaid_orders", "Complete or cancel an order that waits for its payment first."),
    ("unknown_payment_provider", "Use a provider that the shop has, such as `sandbox`."),
    ("unsupported_content_encoding", "Send the body as it is, without compression."),
    (
        "unsupported_media_type",
        "Send `Content-Type: application/json` (for PATCH also `application/merge-patch+json`).",
    ),
    ("uri_too_long", "Send a shorter address."),
    ("wrong_credentials", "Check address and password. Which of the two is wrong is not said."),
    ("wrong_password", "Send the password that is valid now as `current_password`."),
];

/// Sentences of statuses.
const OF_STATUSES: &[(&str, &str)] = &[
    ("400", "Correct the request: it is not well-formed HTTP or JSON."),
    ("401", "Sign in, or sign the request, and send it again."),
    ("402", "Ask the buyer for another means of payment."),
    ("403", "This is not allowed to you: nothing is gained by trying again."),
    ("404", "Check the address."),
    ("408", "Send the request faster."),
    ("409", "Read the present state, and decide anew."),
    ("412", "Read the present version, and decide anew."),
    ("413", "Send less at once."),
    ("414", "Send a shorter address."),
    ("415", "Send another media type."),
    ("422", "Correct what `errors` or `detail` names."),
    ("429", "Wait for the seconds that `Retry-After` says."),
    ("431", "Send fewer or shorter headers."),
    ("500", "Tell us the `request_id`: the fault is ours."),
    ("503", "Nothing happened: wait a moment, or as long as `Retry-After` says, and send the same again."),
    ("504", "It may have happened: read first, or repeat with the same `Idempotency-Key`."),
];

/// What to do about `code`, which comes with `status`.
pub fn of(code: &str, status: &str) -> &'static str {
    let find = |list: &[(&str, &'static str)], wanted: &str| {
        list.iter().find(|(name, _)| *name == wanted).map(|(_, advice)| *advice)
    };
    find(OF_CODES, code).or_else(|| find(OF_STATUSES, status)).unwrap_or("Read `detail`.")
}

/// Codes that have a sentence and do not exist.
pub fn superfluous<'c>(known: impl Iterator<Item = &'c str>) -> Vec<&'static str> {
    let known: Vec<&str> = known.collect();
    OF_CODES.iter().map(|(code, _)| *code).filter(|code| !known.contains(code)).collect()
}
