//! From what is said to a pipeline that runs: code beats the environment, which beats the defaults.

use std::sync::Arc;

use opentelemetry::{KeyValue, trace::noop::NoopTracerProvider};
use opentelemetry_sdk::{
    Resource,
    metrics::SdkMeterProvider,
    trace::{self, SdkTracerProvider},
};

use super::{
    batch::Account,
    builder::Setup,
    counted,
    doctor::{Given, Said},
    endpoint,
    env::Env,
    error::SetupError,
    exporters::{Erased, Exporters},
    ids::ChosenIds,
    loggers::Loggers,
    meters::Meters,
    pipeline::{Disabled, Pipeline},
    propagators,
    report::Report,
    resource::{self, SERVICE_NAME},
    sampler::{self, tail::Deciding},
    settings::{LogExporter, MetricExporter, Otlp, Reader, Settings, SpanExporter, SpanLimits},
    transport::thread::Thread,
    truncate::Truncating,
};
use crate::{
    captured::Listed,
    lost::Lost,
    telemetry::{Handle, Ids, SamplerReads, Telemetry, Traits, metering},
};

/// A pipeline that nobody else knows of yet.
pub(super) struct Built {
    pub(super) env: Env,
    pub(super) report: Report,
    pub(super) telemetry: Telemetry,
    pub(super) provider: Option<SdkTracerProvider>,
    pub(super) meters: Option<SdkMeterProvider>,
    pub(super) propagator: Option<propagators::Shared>,
}

/// Whose pipeline it is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Process,
    Own,
}

impl Setup {
    pub(super) fn make(mut self, scope: Scope) -> Result<Built, SetupError> {
        let env = Env::new(self.lookup.lookup()).under(std::mem::take(&mut self.variables))?;
        let given = Given::of(&self);
        let mut settings = Settings::load(&env)?;
        self.report = self.report.at(settings.log_level);
        env.tell(&self.report);
        self.overrule(&mut settings)?;
        let resource = (!settings.disabled).then(|| resource::resource(&settings.resource, &env));
        let said = Said::new(&settings, resource.as_ref(), &given, &env);
        let propagator = match self.propagator.take() {
            Some(own) => own,
            None => propagators::Chosen::of(settings.propagators.as_deref(), scope, &self.lookup),
        };
        let mut traits = Traits {
            propagation: propagator.layers,
            sampler: SamplerReads::Parent,
            ids: Ids::Random,
            known_methods: settings
                .http
                .known_methods
                .take()
                .map(|methods| methods.into_iter().map(Arc::from).collect()),
            listed: Listed {
                server: settings.http.server.listed(),
                client: settings.http.client.listed(),
            },
            metering: None,
            lost: None,
            environment: self.lookup.clone(),
        };
        let Some(resource) = resource else {
            return Ok(Built {
                telemetry: Telemetry {
                    handle: Handle::new(&NoopTracerProvider::new(), traits),
                    lifecycle: Some(Box::new(Disabled(said))),
                },
                provider: None,
                meters: None,
                propagator: propagator.global,
                report: self.report,
                env,
            });
        };
        let mut meters = std::mem::take(&mut self.meters);
        for view in std::mem::take(&mut settings.metrics.views) {
            let limits = settings.metrics.limits.clone();
            meters.view(move |instrument| view.of(instrument, &limits));
        }
        let thread = Thread::default();
        let meters = Meters::start(meters, &settings.metrics, &resource, &thread, &self.report)?;
        traits.metering = meters.as_ref().map(|meters| {
            let report = self.report.clone();
            metering(&meters.provider).warn(move |text| report.warn(text))
        });
        let loggers = Loggers::new(
            std::mem::take(&mut self.loggers),
            settings.logs.clone(),
            resource.clone(),
            thread.clone(),
            self.report.clone(),
        );
        traits.lost = self.warn_lost_context.then(|| {
            let report = self.report.clone();
            Lost::new(move |text| report.warn(text))
        });
        let is_traced = settings.traces.are_recorded || self.gives_traces();
        let (mut polling, mut tail) = (Vec::new(), None);
        let (provider, accounts) = match self.provider.take() {
            Some(provider) => {
                traits.sampler = SamplerReads::Everything;
                traits.ids = Ids::Unknown;
                (provider, Vec::new())
            }
            None => {
                let site = sampler::Site {
                    service: &resource::service_name(&resource),
                    thread: &thread,
                    report: &self.report,
                };
                let choices = (self.sampler.take(), self.tail.take());
                let mut sampler = sampler::Chosen::by(choices, &settings.traces.sampler, &site)?;
                polling.append(&mut sampler.polling);
                tail = sampler.tail.as_ref().map(Deciding::counts);
                traits.sampler = match self.processors.as_slice() {
                    [] => sampler.reads,
                    [..] => SamplerReads::Everything,
                };
                self.provider_of(&settings, sampler, resource, &thread)?
            }
        };
        if let Some(meters) = &meters {
            counted::observe(&meters.provider, &accounts, tail.as_ref());
        }
        Ok(Built {
            report: self.report.clone(),
            env,
            meters: meters.as_ref().map(|meters| meters.provider.clone()),
            telemetry: Telemetry {
                handle: if is_traced {
                    Handle::new(&provider, traits)
                } else {
                    Handle::new(&NoopTracerProvider::new(), traits)
                },
                lifecycle: Some(Box::new(Pipeline {
                    provider: provider.clone(),
                    meters,
                    loggers,
                    accounts,
                    thread,
                    polling,
                    tail,
                    deadline: self.shutdown_timeout,
                    report: self.report,
                    said,
                })),
            },
            provider: is_traced.then_some(provider),
            propagator: propagator.global,
        })
    }

    /// Whether code gives a part that only spans have.
    fn gives_traces(&self) -> bool {
        self.provider.is_some()
            || self.sampler.is_some()
            || self.tail.is_some()
            || !self.exporters.is_empty()
            || !self.processors.is_empty()
    }

    /// What code says, over what others said.
    fn overrule(&mut self, settings: &mut Settings) -> Result<(), SetupError> {
        let attributes = &mut settings.resource.attributes;
        attributes.append(&mut self.attributes);
        if let Some(name) = self.service_name.take() {
            attributes.push(KeyValue::new(SERVICE_NAME, name));
        }
        let room = &mut settings.traces.room;
        room.bytes = self.queue_bytes.unwrap_or(room.bytes);
        room.when_full = self.when_full.unwrap_or(room.when_full);
        let Some(base) = &self.endpoint else {
            return Ok(());
        };
        const CALL: &str = "Setup::endpoint";
        let base = endpoint::parse(base).map_err(|why| {
            let shown = endpoint::shown(base);
            SetupError::new(format!("{CALL}({shown:?}) {why}"))
        })?;
        for (otlp, path) in otlps(settings) {
            otlp.endpoint = endpoint::for_signal(base.clone(), otlp.protocol, path);
            otlp.origin = CALL.to_owned();
        }
        Ok(())
    }

    fn provider_of(
        &mut self,
        settings: &Settings,
        sampler: sampler::Chosen,
        resource: Resource,
        thread: &Thread,
    ) -> Result<(SdkTracerProvider, Vec<Arc<Account>>), SetupError> {
        let mut exporters = Exporters {
            thread,
            report: &self.report,
            room: settings.traces.room,
            accounts: Vec::new(),
        };
        let exits = exporters.processors(std::mem::take(&mut self.exporters), &settings.traces)?;
        let mut processors = std::mem::take(&mut self.processors);
        match sampler.tail {
            Some(tail) => processors.push(tail.in_front_of(exits)),
            None => processors.extend(exits),
        }
        let mut provider = SdkTracerProvider::builder()
            .with_sampler(sampler.sampler)
            .with_id_generator(ChosenIds::default())
            .with_span_limits(limits(&settings.traces.limits))
            .with_resource(resource);
        for processor in processors.into_iter().map(Erased) {
            provider = match settings.traces.limits.attributes.value_length {
                Some(most) => provider.with_span_processor(Truncating { processor, most }),
                None => provider.with_span_processor(processor),
            };
        }
        Ok((provider.build(), exporters.accounts))
    }
}

/// Each place to which a signal goes by OTLP, with the signal's path.
fn otlps(settings: &mut Settings) -> Vec<(&mut Otlp, &'static str)> {
    let mut otlps = Vec::new();
    for processing in &mut settings.traces.processors {
        if let SpanExporter::Otlp(otlp) = &mut processing.exporter {
            otlps.push((&mut **otlp, endpoint::TRACES));
        }
    }
    for reader in &mut settings.metrics.readers {
        if let Reader::Periodic {
            exporter: MetricExporter::Otlp { otlp, .. },
            ..
        } = reader
        {
            otlps.push((otlp, endpoint::METRICS));
        }
    }
    for processing in &mut settings.logs.processors {
        if let LogExporter::Otlp(otlp) = &mut processing.exporter {
            otlps.push((otlp, endpoint::LOGS));
        }
    }
    otlps
}

/// All of them, so that the SDK looks for none by itself.
fn limits(limits: &SpanLimits) -> trace::SpanLimits {
    trace::SpanLimits {
        max_attributes_per_span: limits.attributes.count,
        max_events_per_span: limits.events,
        max_links_per_span: limits.links,
        max_attributes_per_event: limits.attributes_per_event,
        max_attributes_per_link: limits.attributes_per_link,
    }
}
