//! `Connection: close` during the drain of a stopping process.

use http::{HeaderValue, Response, Version, header};
use souk_runtime::Tasks;

use super::body::ResponseBody;

/// Ends the connection with this response when the process is about to stop, so that clients and balancers open the next one
/// elsewhere. HTTP/2 has a frame for it.
pub(crate) fn end_connection(tasks: &Tasks, version: Version, response: &mut Response<ResponseBody>) {
    if tasks.leaving() && version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
