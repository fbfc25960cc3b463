import { PacketLesson } from './packet-lesson.ts'

if (customElements.get('packet-lesson') === undefined) customElements.define('packet-lesson', PacketLesson)

declare global {
  interface HTMLElementTagNameMap {
    'packet-lesson': PacketLesson
  }
}
