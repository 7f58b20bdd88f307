/**
 * The order of files. Those that start Workers come first, because the longest of all is among them; the rest fills the
 * other cores.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

export class WorkerdFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ project }: TestSpecification) => (project.name === "workerd" ? 0 : 1);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
