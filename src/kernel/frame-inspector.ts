/**
 * Looks into frames for the links, which know no protocol. Every answer depends on the frame's bytes alone; frames may be anything.
 */
export interface FrameInspector {
  /** A 32-bit hash of the five-tuple (addresses, protocol, ports), the same for all packets of a flow; in [0, 2^32). */
  flow(frame: Uint8Array): number
  /** Whether it carries bytes for an application: a payload of TCP, UDP or another transport. */
  carriesData(frame: Uint8Array): boolean
  /** Whether it is a TCP segment that acknowledges and does nothing else: no payload, no SYN, FIN or RST. */
  isPureAck(frame: Uint8Array): boolean
  /** Whether it carries UDP, or a part of it. */
  isUdp(frame: Uint8Array): boolean
  /**
   * A copy that says "congestion experienced", with the right checksum (RFC 3168 section 5); the frame itself when it says so already.
   * @returns undefined when its transport does not know ECN
   */
  congestionMarked(frame: Uint8Array): Uint8Array | undefined
}

/** For links whose frames nobody understands: one flow, of which nothing is known. */
export const OPAQUE_FRAMES: FrameInspector = {
  flow: () => 0,
  carriesData: () => false,
  isPureAck: () => false,
  isUdp: () => false,
  congestionMarked: () => undefined,
}
