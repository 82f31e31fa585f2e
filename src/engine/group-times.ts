/**
 * The time that groups have: counted from when a group begins, or is tried again, and anew in every life of the run and every try of it;
 * not while nothing of the run may begin.
 */

import type { Attempts } from './attempts.ts';
import type { Course } from './course.ts';
import type { Deadlines } from './deadlines.ts';
import { nodesWithin } from './groups.ts';
import type { Message } from './inbox.ts';
import { isMap, type Node } from './node.ts';

/** The times of one life. */
export class GroupTimes {
  private readonly course: Course;
  private readonly deadlines: Deadlines;
  private readonly attempts: Attempts;

  constructor(course: Course, deadlines: Deadlines, attempts: Attempts) {
    this.course = course;
    this.deadlines = deadlines;
    this.attempts = attempts;
  }

  /** Groups have begun since this was asked last. */
  beginOpened(): void {
    for (const node of this.course.frontier.takeOpened()) this.begin(node);
  }

  private begin(node: Node): void {
    const after_ms = node.definition.timeout_ms;
    if (after_ms === null || isMap(node)) return;
    const { key, failures } = node.record;
    this.deadlines.after(after_ms, { kind: 'group_timed_out', step: key, failures, after_ms });
  }

  /** The time of a group is over, unless it has ended, or is being tried again: what is under way in it is asked to end. */
  end({ step, failures, after_ms }: Message & { kind: 'group_timed_out' }): void {
    const node = this.course.frontier.tree.find(step);
    if (node === undefined || node.record.phase.kind !== 'open' || node.record.failures !== failures) return;
    const within = new Set([...nodesWithin(node)].map(({ record }) => record.key));
    const running = this.attempts.current().filter((under) => within.has(under.step));
    this.course.commit([{ type: 'step.timed_out', step, after_ms }]);
    this.attempts.stop(running, { kind: 'timed_out', after_ms });
  }
}
