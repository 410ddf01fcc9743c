# The command `kwtsms`, by itself the sandbox: `docker compose up sandbox`. Written without a Docker engine at hand, and not run.
FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --features cli,redis,webpki-roots --bin kwtsms

FROM debian:bookworm-slim
RUN useradd --system --uid 1000 --create-home kwtsms
USER kwtsms
WORKDIR /home/kwtsms
COPY --from=build /src/target/release/kwtsms /usr/local/bin/kwtsms
EXPOSE 4010
ENTRYPOINT ["kwtsms"]
CMD ["sandbox", "--bind", "0.0.0.0", "--host", "sandbox"]
