//! Action page, on which a buyer approves or denies a payment, as a bank would show it. No scripts.

use crate::ledger::Status;
use crate::view::View;

/// The question, or what was decided.
pub fn ask(view: &View, shop_url: Option<&str>) -> String {
    let amount = view.currency.map(|currency| currency.of(view.amount).to_string()).unwrap_or_default();
    let body = match view.status {
        Status::RequiresAction => format!(
            "<h1>Approve this payment?</h1><p class=amount>{amount}</p>\
             <form method=post><button name=decision value=approve>Approve</button> \
             <button class=quiet name=decision value=deny>Deny</button></form>\
             <p class=note>This is the sandbox: no real money moves.</p>"
        ),
        Status::Declined => decided("You denied this payment", &amount, shop_url),
        Status::Voided => decided("This payment was given up", &amount, shop_url),
        _ => decided("You approved this payment", &amount, shop_url),
    };
    whole("Payment", &body)
}

/// There is no such page.
pub fn unknown() -> String {
    whole("Not found", "<h1>There is no such payment</h1><p>The address is not complete, or mistyped.</p>")
}

fn decided(what: &str, amount: &str, shop_url: Option<&str>) -> String {
    let back = match shop_url {
        Some(url) => format!("<p><a href=\"{}\">Back to the shop</a></p>", escape(url)),
        None => "<p>You can close this page.</p>".to_owned(),
    };
    format!("<h1>{what}</h1><p class=amount>{amount}</p>{back}")
}

fn whole(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{title} - Souk sandbox</title><style>\
         body{{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#1b1b1f;background:#fff}}\
         h1{{font-size:1.4rem}}.amount{{font-size:2rem;font-weight:600}}.note{{color:#55555f}}\
         button{{font:inherit;min-height:44px;padding:.5rem 1.25rem;border:2px solid #14532d;border-radius:.5rem;\
         background:#14532d;color:#fff}}button.quiet{{background:#fff;color:#14532d}}\
         </style></head><body><main>{body}</main></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
