import 'reflect-metadata';
import { basename, resolve } from 'node:path';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const VERSION = '1';

@Injectable()
class ReleaseService {
  readonly name = basename(resolve(__dirname, '..'));
}

@Controller()
class AppController {
  constructor(private readonly release: ReleaseService) {}

  @Get('health')
  health() {
    return { status: 'ok', release: this.release.name };
  }

  @Get()
  index() {
    return `version ${VERSION}, release ${this.release.name}\n`;
  }
}

@Module({ controllers: [AppController], providers: [ReleaseService] })
class AppModule {}

NestFactory.create(AppModule).then((app) => app.listen(process.env.PORT ?? 3000));
