import { type DynamicModule, Module } from '@nestjs/common';
import { ProjectorService, type ProjectorServiceOptions } from './projector.service.ts';

/** The service that keeps the lookup at the log's head, from the application's start to its shutdown. */
@Module({})
export class ProjectorModule {
  static register(options: ProjectorServiceOptions): DynamicModule {
    return {
      module: ProjectorModule,
      providers: [{ provide: ProjectorService, useFactory: () => new ProjectorService(options) }],
      exports: [ProjectorService],
    };
  }
}
