# AMIs found by name and by public parameter, a key pair, and two instances: one with everything that is often set, one with nothing.

data "aws_ami" "micro" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["fogbank-micro-*"]
  }
  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

data "aws_ssm_parameter" "micro" {
  name = "/aws/service/fogbank/micro/latest/amd64"
}

data "aws_ec2_instance_type" "chosen" {
  instance_type = var.instance_type
}

resource "aws_key_pair" "login" {
  key_name   = "login"
  public_key = var.public_key
  tags       = { Stage = var.stage }
}

resource "aws_instance" "web" {
  ami                    = data.aws_ami.micro.id
  instance_type          = var.instance_type
  key_name               = aws_key_pair.login.key_name
  subnet_id              = sort(data.aws_subnets.default.ids)[0]
  vpc_security_group_ids = [aws_security_group.web.id, aws_security_group.admin.id]

  user_data = <<-EOT
    #!/bin/sh
    echo "${var.message}" > /run/message
  EOT

  associate_public_ip_address          = true
  disable_api_termination              = false
  instance_initiated_shutdown_behavior = var.shutdown_behavior
  source_dest_check                    = var.source_dest_check
  monitoring                           = true
  ebs_optimized                        = false

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
    instance_metadata_tags      = "enabled"
  }

  credit_specification {
    cpu_credits = "unlimited"
  }

  root_block_device {
    volume_size           = 2
    volume_type           = "gp3"
    delete_on_termination = true
    tags                  = { Name = "web root" }
  }

  tags = {
    Name  = "web"
    Stage = var.stage
  }
}

resource "aws_instance" "plain" {
  ami           = data.aws_ssm_parameter.micro.insecure_value
  instance_type = "t3.nano"
}
