//! The names of the attributes, as semantic conventions 1.45.0 spell them.

pub(crate) const CLIENT_ADDRESS: &str = "client.address";
pub(crate) const CLIENT_PORT: &str = "client.port";
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const HTTP_REQUEST_BODY_SIZE: &str = "http.request.body.size";
pub(crate) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(crate) const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
pub(crate) const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
pub(crate) const HTTP_RESPONSE_BODY_SIZE: &str = "http.response.body.size";
pub(crate) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(crate) const HTTP_ROUTE: &str = "http.route";
pub(crate) const NETWORK_PEER_ADDRESS: &str = "network.peer.address";
pub(crate) const NETWORK_PEER_PORT: &str = "network.peer.port";
pub(crate) const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
pub(crate) const RPC_METHOD: &str = "rpc.method";
pub(crate) const RPC_METHOD_ORIGINAL: &str = "rpc.method_original";
pub(crate) const RPC_STATUS_CODE: &str = "rpc.status_code";
pub(crate) const RPC_SYSTEM_NAME: &str = "rpc.system.name";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const SERVER_SERVICE_NAME: &str = "server.service.name";
pub(crate) const URL_FULL: &str = "url.full";
pub(crate) const URL_PATH: &str = "url.path";
pub(crate) const URL_QUERY: &str = "url.query";
pub(crate) const URL_SCHEME: &str = "url.scheme";
pub(crate) const URL_TEMPLATE: &str = "url.template";
pub(crate) const USER_AGENT_ORIGINAL: &str = "user_agent.original";

/// Our own: `cancelled` on a server whose caller left and on a client that read no further, unless its status failed
/// already; `upgraded` where the connection became something else.
pub(crate) const ENDING: &str = "throughline.ending";

/// Our own: the call has no parent though a request was served, and someone looks out for that.
pub(crate) const CONTEXT_LOST: &str = "throughline.context_lost";

/// Our own: why a span is recorded that the sampler would have left out: `forced`, or `local_tail`.
pub(crate) const SAMPLING_DECISION: &str = "sampling.decision";

/// Our own: the deadline that a gRPC caller asked for, in milliseconds.
pub(crate) const RPC_TIMEOUT: &str = "throughline.rpc.timeout";

/// Our own: the deadline that the caller asked for had run out when the call was cancelled.
pub(crate) const RPC_DEADLINE_EXCEEDED: &str = "throughline.rpc.deadline_exceeded";

/// Whether the layer sets it when the request comes in, or from the head of the response.
pub(crate) fn is_set_early(key: &str) -> bool {
    const EARLY: [&str; 24] = [
        CLIENT_ADDRESS,
        CLIENT_PORT,
        CONTEXT_LOST,
        HTTP_REQUEST_BODY_SIZE,
        HTTP_REQUEST_METHOD,
        HTTP_REQUEST_METHOD_ORIGINAL,
        HTTP_REQUEST_RESEND_COUNT,
        NETWORK_PEER_ADDRESS,
        NETWORK_PEER_PORT,
        NETWORK_PROTOCOL_VERSION,
        RPC_METHOD,
        RPC_METHOD_ORIGINAL,
        RPC_SYSTEM_NAME,
        RPC_TIMEOUT,
        SAMPLING_DECISION,
        SERVER_ADDRESS,
        SERVER_PORT,
        SERVER_SERVICE_NAME,
        URL_FULL,
        URL_PATH,
        URL_QUERY,
        URL_SCHEME,
        URL_TEMPLATE,
        USER_AGENT_ORIGINAL,
    ];
    const HEADERS: [&str; 4] = [
        "http.request.header.",
        "http.response.header.",
        "rpc.request.header.",
        "rpc.response.header.",
    ];
    EARLY.contains(&key) || HEADERS.iter().any(|prefix| key.starts_with(prefix))
}
