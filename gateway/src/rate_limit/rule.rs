//! Names of the rate limits.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    Address,
    User,
    Token,
    Search,
    SearchAddress,
    Checkout,
    Login,
    Register,
    Coupon,
    CouponAddress,
    /// One of `throttle.routes`, by its place there.
    Route(u8),
}

impl Rule {
    /// For accounts and headers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Rule::Address => "address",
            Rule::User => "user",
            Rule::Token => "token",
            Rule::Search => "search",
            Rule::SearchAddress => "searchaddress",
            Rule::Checkout => "checkout",
            Rule::Login => "login",
            Rule::Register => "register",
            Rule::Coupon => "coupon",
            Rule::CouponAddress => "couponaddress",
            Rule::Route(_) => "route",
        }
    }
}
