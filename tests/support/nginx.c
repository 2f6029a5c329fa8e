#include "nginx.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *find(void)
{
    static const char *const places[] = {"/usr/sbin/nginx", "/usr/local/sbin/nginx",
                                         "/usr/bin/nginx"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

static bool answers(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return yes;
}

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    close(fd);
    return ntohs(at.sin_port);
}

bool nginx_start(struct nginx *n, const char *dir, int to, const char *more)
{
    char conf[4096];
    const char *program = find();
    if (!program)
        return false;
    int port = free_port();
    snprintf(conf, sizeof conf,
             "daemon off;\nmaster_process off;\npid %s/nginx.pid;\nerror_log stderr;\n"
             "events { worker_connections 1024; }\n"
             "http {\naccess_log off;\n"
             "client_body_temp_path %s/nginx-body;\nproxy_temp_path %s/nginx-proxy;\n"
             "fastcgi_temp_path %s/nginx-f;\nuwsgi_temp_path %s/nginx-u;\nscgi_temp_path "
             "%s/nginx-s;\n"
             "server {\nlisten 127.0.0.1:%d;\nlocation / {\nproxy_pass http://127.0.0.1:%d;\n"
             "proxy_set_header Host $http_host;\n"
             "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
             "%s\n}\n}\n}\n",
             dir, dir, dir, dir, dir, dir, port, to, more);
    support_write(support_path(dir, "nginx.conf"), conf, strlen(conf));
    const char *argv[] = {program, "-p", dir, "-e", "stderr", "-c", support_path(dir, "nginx.conf"),
                          NULL};
    n->proc = proc_start(support_path(dir, "nginx.log"), argv);
    support_wait(answers(port));
    n->port = port;
    return true;
}

void nginx_stop(struct nginx *n)
{
    if (n->port)
        proc_stop(&n->proc, SIGTERM);
    n->port = 0;
}
