/** Bounds of the protocol between control and nodes, each with its reason. */

/** Raised when a message changes its meaning; a server speaks one version and names it to whoever speaks another. */
export const protocolVersion = 1;

export const paths = {
  /** A machine exchanges a fleet's token for its own (POST). */
  enrol: '/nodes/v1/enrol',
  /** WebSocket: one JSON message per text frame, both ways. */
  socket: '/nodes/v1/socket',
  /** The same messages over plain HTTP (POST), for networks that break long connections. */
  poll: '/nodes/v1/poll',
  /** A manifest by the SHA-256 of its bytes (GET); the assignment names it. */
  manifests: '/nodes/v1/manifests/',
  /** WebSocket: the state of the whole fleet once a second, for the visualiser. */
  live: '/api/live',
} as const;

/** Name of the WebSocket subprotocol under which a browser, which cannot set headers, sends its token. */
export const tokenSubprotocol = 'sluice.token.';

/** The largest legal message is a `hello` that names `tasksMax` tasks: about 40 kB. */
export const messageBytesMax = 64 * 1024;
/** What control sends: an assignment with all relays and a policy stays far below. */
export const controlMessageBytesMax = 1024 * 1024;
/** Messages in one poll: a node that was away sends its last states, not its history. */
export const pollMessagesMax = 256;
/** Of one poll and of its answer: assignments of a relay with many tasks. */
export const pollBytesMax = 8 * 1024 * 1024;
/** Between two polls: short enough for a lease's refresh, at a third of its ttl. */
export const pollMilliseconds = 2_000;
/** Control forgets the session of a node that has not polled for this long; the node then says hello again. */
export const pollSessionMilliseconds = 90_000;

/** Tasks a node takes part in at one time. */
export const tasksMax = 256;
/** Relays named to one client. */
export const relaysMax = 64;
export const trackersMax = 16;
/** Of one origin: what an operator writes by hand. */
export const mirrorsMax = 8;
export const redirectsMax = 16;
export const networksMax = 64;
/** A presigned query has some hundred characters, with a session's token two thousand. */
export const secretLengthMax = 4096;
export const textLengthMax = 1024;
export const urlLengthMax = 4096;

/** Either end sends a ping when it has heard nothing for this long, and gives the connection up after two. */
export const heartbeatMilliseconds = 15_000;
/** A node reconnects after a random part of this, doubled for each failure up to the maximum (full jitter). */
export const reconnectMillisecondsFirst = 1_000;
export const reconnectMillisecondsMax = 60_000;
