/**
 * The state machine of RFC 9293 section 3.3.2 as data: the code moves by this table only, the diagram on the page is drawn from
 * it, and a test holds every state against every input.
 */

/** States of a connection, as RFC 9293 writes them. */
export const TCP_STATES = [
  'CLOSED',
  'LISTEN',
  'SYN-SENT',
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
] as const
export type TcpState = (typeof TCP_STATES)[number]

/** What moves a connection from state to state. */
export const TCP_INPUTS = {
  'passive-open': 'wait for a peer to connect',
  'active-open': 'connect: send SYN',
  'rcv-syn': 'a SYN comes: send SYN and ACK',
  'rcv-syn-ack': 'SYN and ACK of our SYN come: send ACK',
  'rcv-ack-of-syn': 'the ACK of our SYN comes',
  'close-send': 'finish sending: send FIN after all data',
  'rcv-ack-of-fin': 'the ACK of our FIN comes',
  'rcv-fin': 'the peer’s FIN comes: send ACK',
  'time-wait-over': 'twice the maximum segment lifetime has passed',
  'rcv-rst': 'an acceptable RST comes',
  reset: 'abort: send RST where the peer would not know otherwise',
  'give-up': 'nobody answers, or the path is gone',
} as const
export type TcpInput = keyof typeof TCP_INPUTS

/**
 * Where each input leads from each state; an input that is not listed does not occur in that state.
 *
 * Deviates from RFC 9293 figure 5 in two edges. A RST in SYN-RECEIVED after a passive open leads to CLOSED, not back to LISTEN: the
 * listener is the host's and stays, and each SYN gets a connection of its own. A close in SYN-RECEIVED waits for ESTABLISHED and leads to
 * FIN-WAIT-1 from there, which RFC 9293 section 3.10.4 allows when data is queued.
 */
export const TCP_TRANSITIONS: Readonly<Record<TcpState, Readonly<Partial<Record<TcpInput, TcpState>>>>> = {
  CLOSED: { 'passive-open': 'LISTEN', 'active-open': 'SYN-SENT' },
  LISTEN: { 'rcv-syn': 'SYN-RECEIVED', 'close-send': 'CLOSED', reset: 'CLOSED' },
  'SYN-SENT': {
    'rcv-syn-ack': 'ESTABLISHED',
    'rcv-syn': 'SYN-RECEIVED',
    'rcv-rst': 'CLOSED',
    'close-send': 'CLOSED',
    reset: 'CLOSED',
    'give-up': 'CLOSED',
  },
  'SYN-RECEIVED': {
    'rcv-ack-of-syn': 'ESTABLISHED',
    'rcv-rst': 'CLOSED',
    reset: 'CLOSED',
    'give-up': 'CLOSED',
  },
  ESTABLISHED: {
    'close-send': 'FIN-WAIT-1',
    'rcv-fin': 'CLOSE-WAIT',
    'rcv-rst': 'CLOSED',
    reset: 'CLOSED',
    'give-up': 'CLOSED',
  },
  'FIN-WAIT-1': {
    'rcv-ack-of-fin': 'FIN-WAIT-2',
    'rcv-fin': 'CLOSING',
    'rcv-rst': 'CLOSED',
    reset: 'CLOSED',
    'give-up': 'CLOSED',
  },
  'FIN-WAIT-2': { 'rcv-fin': 'TIME-WAIT', 'rcv-rst': 'CLOSED', reset: 'CLOSED', 'give-up': 'CLOSED' },
  'CLOSE-WAIT': { 'close-send': 'LAST-ACK', 'rcv-rst': 'CLOSED', reset: 'CLOSED', 'give-up': 'CLOSED' },
  CLOSING: { 'rcv-ack-of-fin': 'TIME-WAIT', 'rcv-rst': 'CLOSED', reset: 'CLOSED', 'give-up': 'CLOSED' },
  'LAST-ACK': { 'rcv-ack-of-fin': 'CLOSED', 'rcv-rst': 'CLOSED', reset: 'CLOSED', 'give-up': 'CLOSED' },
  'TIME-WAIT': { 'time-wait-over': 'CLOSED', 'rcv-rst': 'CLOSED', reset: 'CLOSED' },
}
