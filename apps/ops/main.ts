import { Command } from 'commander';
import { SettingsError } from '#runtime/settings';
import { importCommand } from './import-command.ts';
import { topicsCommand } from './topics-command.ts';

/** Beyond the verdicts of the commands themselves: it could not run. */
const COULD_NOT_RUN = 2;

const program = new Command('latchkey')
  .description('The operator’s commands for Latchkey')
  .addCommand(importCommand())
  .addCommand(topicsCommand())
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : COULD_NOT_RUN));
// Each command ends as the program does.
for (const command of program.commands) command.copyInheritedSettings(program);

// Whoever read our output has gone: there is nobody left to tell.
for (const output of [process.stdout, process.stderr]) output.on('error', () => process.exit(COULD_NOT_RUN));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${toOperator(error)}\n`);
  process.exitCode = COULD_NOT_RUN;
}

/** What an operator can mend is said in a line; a stack is for what nobody foresaw. */
function toOperator(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof SettingsError || 'code' in error ? error.message : String(error.stack);
}
