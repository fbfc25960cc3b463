import { PacketEvents } from './packet-events.ts'

if (customElements.get('packet-events') === undefined) customElements.define('packet-events', PacketEvents)

declare global {
  interface HTMLElementTagNameMap {
    'packet-events': PacketEvents
  }
}
